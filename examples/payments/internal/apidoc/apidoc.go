// Package apidoc carries the description of the API inside the binary, so that
// it needs no files beside it.
package apidoc

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"
)

//go:embed static
var static embed.FS

// Mount serves the front page at / and the API's description at /openapi.yaml.
func Mount(router chi.Router) {
	router.Get("/", page("index.html", "text/html; charset=utf-8"))
	router.Get("/openapi.yaml", page("openapi.yaml", "application/yaml"))
}

func page(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		text, err := fs.ReadFile(static, "static/"+name)
		if err != nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(text)
	}
}
