package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

func TestRead(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		ok   bool
	}{
		"a value":       {`{"name": "a"}`, true},
		"unknown field": {`{"nmae": "a"}`, false},
		"two values":    {`{"name": "a"} {}`, false},
		"no JSON":       {`name=a`, false},
		"nothing":       {``, false},
		"too long":      {`{"name": "` + strings.Repeat("a", maxBody) + `"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var into struct{ Name string }
			request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(test.body))
			err := Read(httptest.NewRecorder(), request, &into)
			var known *Error
			switch {
			case test.ok && (err != nil || into.Name != "a"):
				t.Errorf("got %+v, %v", into, err)
			case !test.ok && (!errors.As(err, &known) || known.Status != http.StatusBadRequest):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestParam(t *testing.T) {
	for path, want := range map[string]string{
		"/ann":           "ann",
		"/ann%20lee":     "ann lee",
		"/50%25":         "50%",
		"/a%2Fb":         "a/b",
		"/a%2Fb%20%2550": "a/b %50",
	} {
		t.Run(path, func(t *testing.T) {
			router, got := chi.NewRouter(), ""
			router.Get("/{name}", func(_ http.ResponseWriter, r *http.Request) {
				var err error
				if got, err = Param(r, "name"); err != nil {
					t.Error(err)
				}
			})
			router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestHandler(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"no failure":      {nil, 201, `{"n":1}`},
		"known failure":   {Errorf(404, "no %s", "x"), 404, `{"error":"no x"}`},
		"wrapped failure": {fmt.Errorf("while: %w", Errorf(409, "busy")), 409, `{"error":"busy"}`},
		"other failure":   {errors.New("/secret/path"), 500, `{"error":"internal error"}`},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			Handler(func(w http.ResponseWriter, _ *http.Request) error {
				if test.err == nil {
					Write(w, 201, map[string]int{"n": 1})
				}
				return test.err
			}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
			if got := strings.TrimSpace(recorder.Body.String()); recorder.Code != test.status || got != test.body {
				t.Errorf("got %d %s, want %d %s", recorder.Code, got, test.status, test.body)
			}
		})
	}
}
