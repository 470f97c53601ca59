// Package proxy sends requests on to the service that answers them.
package proxy

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"example.org/payments/internal/rest"
)

// Backend is a service behind the gateway.
type Backend struct {
	Name string
	base *url.URL
}

// NewBackend returns the service at a base address, as http://127.0.0.1:8081.
func NewBackend(name, base string) (Backend, error) {
	parsed, err := url.Parse(base)
	if err != nil {
		return Backend{}, err
	}
	if parsed.Scheme == "" || parsed.Host == "" {
		return Backend{}, fmt.Errorf("%s: %q is no http address", name, base)
	}
	return Backend{name, parsed}, nil
}

// Mount sends what lies at and below each of the paths to the backend, with
// path, query and body as they are. While the backend does not answer, the
// caller gets 502.
func Mount(router chi.Router, log zerolog.Logger, backend Backend, paths ...string) {
	handler := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend.base)
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			log.Warn().Err(err).Str("backend", backend.Name).Str("path", r.URL.Path).Msg("no answer")
			rest.Write(w, http.StatusBadGateway, map[string]string{"error": backend.Name + " does not answer"})
		},
	}
	for _, path := range paths {
		router.Handle(path, handler)
		router.Handle(path+"/*", handler)
	}
}
