package apidoc

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

func TestPages(t *testing.T) {
	router := chi.NewRouter()
	Mount(router)
	for path, want := range map[string]struct{ contentType, text string }{
		"/":             {"text/html; charset=utf-8", `href="/openapi.yaml"`},
		"/openapi.yaml": {"application/yaml", "openapi: 3."},
	} {
		recorder := httptest.NewRecorder()
		router.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code != 200 || recorder.Header().Get("Content-Type") != want.contentType {
			t.Errorf("%s: %d %s", path, recorder.Code, recorder.Header().Get("Content-Type"))
		}
		if !strings.Contains(recorder.Body.String(), want.text) {
			t.Errorf("%s lacks %q: %s", path, want.text, recorder.Body)
		}
	}
}
