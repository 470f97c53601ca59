package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rs/zerolog"
)

func backend(t *testing.T, name string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestRoutes(t *testing.T) {
	env := map[string]string{"GMICRO_URL": backend(t, "gmicro"), "TMICRO_URL": backend(t, "tmicro")}
	router, err := routes(zerolog.Nop(), func(key string) string { return env[key] })
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/groups":              "gmicro",
		"/groups/1/members/me": "gmicro",
		"/expenses":            "tmicro",
		"/payments/":           "tmicro",
		"/balances/1":          "tmicro",
		"/healthz":             `{"status":"ok","service":"gateway"}` + "\n",
		"/readyz":              `{"status":"ok","service":"gateway"}` + "\n",
	} {
		recorder := httptest.NewRecorder()
		router.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code != http.StatusOK || recorder.Body.String() != want {
			t.Errorf("%s: got %d %q, want %q", path, recorder.Code, recorder.Body, want)
		}
	}
}

func TestWrongAddressesAreRefused(t *testing.T) {
	for _, name := range []string{"GMICRO_URL", "TMICRO_URL"} {
		env := map[string]string{name: "nowhere"}
		if _, err := routes(zerolog.Nop(), func(key string) string { return env[key] }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
