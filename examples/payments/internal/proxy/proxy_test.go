package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
)

// echo is a backend that answers with what it was asked.
func echo(t *testing.T, name string) Backend {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen-Host", r.Header.Get("X-Forwarded-Host"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = fmt.Fprintf(w, "%s: %s %s %s", name, r.Method, r.RequestURI, body)
	}))
	t.Cleanup(server.Close)
	backend, err := NewBackend(name, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return backend
}

func gone(t *testing.T, name string) Backend {
	t.Helper()
	server := httptest.NewServer(nil)
	server.Close()
	backend, err := NewBackend(name, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return backend
}

func TestRequestsReachTheirBackendUnchanged(t *testing.T) {
	router := chi.NewRouter()
	Mount(router, zerolog.Nop(), echo(t, "gmicro"), "/groups")
	Mount(router, zerolog.Nop(), echo(t, "tmicro"), "/expenses", "/balances")
	for name, test := range map[string]struct {
		method, target, body, want string
		status                     int
	}{
		"the path itself": {"POST", "/groups", "{}", "gmicro: POST /groups {}", 418},
		"below it":        {"DELETE", "/groups/1/members/ann", "", "gmicro: DELETE /groups/1/members/ann ", 418},
		"escaped":         {"GET", "/balances/a%2Fb%20c", "", "tmicro: GET /balances/a%2Fb%20c ", 418},
		"a query":         {"GET", "/expenses?group=1&x=%26", "", "tmicro: GET /expenses?group=1&x=%26 ", 418},
		"another path":    {"GET", "/groupsie", "", "404 page not found\n", 404},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			router.ServeHTTP(recorder, httptest.NewRequest(test.method, test.target, strings.NewReader(test.body)))
			if recorder.Code != test.status || recorder.Body.String() != test.want {
				t.Errorf("got %d %q, want %d %q", recorder.Code, recorder.Body, test.status, test.want)
			}
			if test.status == 418 && recorder.Header().Get("X-Seen-Host") != "example.com" {
				t.Errorf("the backend saw host %q", recorder.Header().Get("X-Seen-Host"))
			}
		})
	}
}

func TestBackendThatDoesNotAnswer(t *testing.T) {
	router := chi.NewRouter()
	Mount(router, zerolog.Nop(), gone(t, "gmicro"), "/groups")
	recorder := httptest.NewRecorder()
	router.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/groups", nil))
	if recorder.Code != http.StatusBadGateway || !strings.Contains(recorder.Body.String(), `"gmicro does not answer"`) {
		t.Errorf("got %d %s", recorder.Code, recorder.Body)
	}
}

func TestReady(t *testing.T) {
	well := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer well.Close()
	backend, err := NewBackend("well", well.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.Ready(context.Background()); err != nil {
		t.Errorf("a backend that is well: %v", err)
	}
	for _, backend := range []Backend{echo(t, "ill"), gone(t, "gone")} {
		if err := backend.Ready(context.Background()); err == nil {
			t.Errorf("%s: no error", backend.Name)
		}
	}
}

func TestNewBackendRefusesWhatIsNoAddress(t *testing.T) {
	for _, base := range []string{"", "gmicro", "http://", "http://[", "127.0.0.1:8081"} {
		if _, err := NewBackend("gmicro", base); err == nil {
			t.Errorf("%q was taken", base)
		}
	}
}
