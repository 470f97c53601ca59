package httpserver

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/rs/zerolog"
)

// Check asks one thing that a service needs in order to be useful; nil means
// that it is there.
type Check func(ctx context.Context) error

// readyTimeout bounds all checks of one /readyz together.
const readyTimeout = 2 * time.Second

// Router returns a router that logs requests, survives panics of handlers and
// answers two paths by itself: /healthz (200 while the process serves,
// whatever the checks say) and /readyz (200 if every check passes, else 503
// with the failure of each).
func Router(log zerolog.Logger, service string, checks map[string]Check) chi.Router {
	router := chi.NewRouter()
	router.Use(middleware.RequestID, logged(log), middleware.Recoverer)
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		report(w, http.StatusOK, health{Status: "ok", Service: service})
	})
	router.Get("/readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		answer, status := health{Status: "ok", Service: service}, http.StatusOK
		for name, check := range checks {
			if err := check(ctx); err != nil {
				if answer.Failures == nil {
					answer.Failures = map[string]string{}
				}
				answer.Failures[name] = err.Error()
				answer.Status, status = "unavailable", http.StatusServiceUnavailable
			}
		}
		report(w, status, answer)
	})
	return router
}

type health struct {
	Status   string            `json:"status"`
	Service  string            `json:"service"`
	Failures map[string]string `json:"failures,omitempty"`
}

func report(w http.ResponseWriter, status int, answer health) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// logged writes one line a request, at debug level for probes so that they
// don't drown the rest.
func logged(log zerolog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(seen, r)
			level := zerolog.InfoLevel
			if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
				level = zerolog.DebugLevel
			}
			log.WithLevel(level).
				Str("method", r.Method).
				Str("path", r.URL.Path).
				Int("status", cmp.Or(seen.Status(), http.StatusOK)).
				Int("bytes", seen.BytesWritten()).
				Dur("took", time.Since(start)).
				Str("request", middleware.GetReqID(r.Context())).
				Send()
		})
	}
}
