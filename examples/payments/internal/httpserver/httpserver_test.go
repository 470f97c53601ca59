package httpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestAddress(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"nothing said":     {nil, ":8080"},
		"a port":           {map[string]string{"PORT": "9000"}, ":9000"},
		"an address":       {map[string]string{"LISTEN": "127.0.0.1:8081"}, "127.0.0.1:8081"},
		"the address wins": {map[string]string{"LISTEN": ":1", "PORT": "2"}, ":1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Address(func(key string) string { return test.env[key] }); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func probe(t *testing.T, handler http.Handler, path string) (int, health) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	var answer health
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v in %q", path, err, recorder.Body)
	}
	return recorder.Code, answer
}

func TestHealthDoesNotDependOnChecks(t *testing.T) {
	router := Router(zerolog.Nop(), "gateway", map[string]Check{
		"well": func(context.Context) error { return nil },
		"ill":  func(context.Context) error { return errors.New("no answer") },
	})
	if status, answer := probe(t, router, "/healthz"); status != 200 || answer.Status != "ok" || answer.Service != "gateway" {
		t.Errorf("health: %d %+v", status, answer)
	}
	status, answer := probe(t, router, "/readyz")
	if status != 503 || len(answer.Failures) != 1 || answer.Failures["ill"] != "no answer" {
		t.Errorf("readiness: %d %+v", status, answer)
	}
}

func TestReadyWithoutFailure(t *testing.T) {
	if status, answer := probe(t, Router(zerolog.Nop(), "tmicro", nil), "/readyz"); status != 200 || answer.Status != "ok" {
		t.Errorf("readiness: %d %+v", status, answer)
	}
}

func TestProbesAreLoggedAtDebugLevelOnly(t *testing.T) {
	var out bytes.Buffer
	router := Router(Logger(&out, "tmicro", "nonsense"), "tmicro", nil)
	probe(t, router, "/healthz")
	if out.Len() != 0 {
		t.Errorf("a probe was logged: %s", &out)
	}
	router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/elsewhere", nil))
	if line := out.String(); !strings.Contains(line, `"path":"/elsewhere"`) || !strings.Contains(line, `"status":404`) {
		t.Errorf("log: %q", line)
	}
}

func TestServeLetsARequestUnderWayEnd(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop() // the stop comes while this request is being answered
		_, _ = io.WriteString(w, "done")
	})
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, zerolog.Nop(), listener, handler) }()
	response, err := http.Get("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "done" {
		t.Errorf("body: %q", body)
	}
	if err := <-ended; err != nil {
		t.Errorf("after a stop: %v", err)
	}
}

func TestRunWithoutAnAddress(t *testing.T) {
	if err := Run(zerolog.Nop(), "127.0.0.1:none", nil); err == nil {
		t.Error("no error for an address that can't be had")
	}
}
