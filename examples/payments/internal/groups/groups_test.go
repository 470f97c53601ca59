package groups

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"example.org/payments/internal/consumer"
	"example.org/payments/internal/store"
	"example.org/payments/internal/tmicro/balance"
)

// ledger stands in for tmicro.
type ledger struct {
	sheet balance.Sheet
	err   error
}

func (l *ledger) Balances(context.Context, string) (balance.Sheet, error) { return l.sheet, l.err }

func service(t *testing.T, books *ledger) http.Handler {
	t.Helper()
	opened, err := store.Open(filepath.Join(t.TempDir(), "gmicro.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	groups, err := In(opened)
	if err != nil {
		t.Fatal(err)
	}
	router := chi.NewRouter()
	Mount(router, groups, books)
	return router
}

func call(t *testing.T, handler http.Handler, method, path, body string, want int) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
	if recorder.Code != want {
		t.Fatalf("%s %s %s: got %d %s, want %d", method, path, body, recorder.Code, recorder.Body, want)
	}
	return recorder
}

func decoded[T any](t *testing.T, recorder *httptest.ResponseRecorder) (value T) {
	t.Helper()
	if err := json.Unmarshal(recorder.Body.Bytes(), &value); err != nil {
		t.Fatalf("%v in %s", err, recorder.Body)
	}
	return value
}

func TestLifeOfAGroup(t *testing.T) {
	api := service(t, &ledger{})
	if body := call(t, api, "GET", "/groups", "", 200).Body.String(); strings.TrimSpace(body) != "[]" {
		t.Errorf("no groups: %s", body)
	}
	created := call(t, api, "POST", "/groups", `{"name": " Trip ", "members": ["ann", "bob"]}`, 201)
	group := decoded[Group](t, created)
	path := "/groups/" + group.ID
	if group.Name != "Trip" || created.Header().Get("Location") != path {
		t.Errorf("created %+v at %q", group, created.Header().Get("Location"))
	}
	call(t, api, "POST", "/groups", `{"name": "Flat"}`, 201)
	call(t, api, "POST", path+"/members", `{"name": "cyd lee"}`, 201)
	call(t, api, "DELETE", path+"/members/bob", "", 204)
	call(t, api, "DELETE", path+"/members/bob", "", 404)
	if got := decoded[Group](t, call(t, api, "GET", path, "", 200)); !slices.Equal(got.Members, []string{"ann", "cyd lee"}) {
		t.Errorf("members: %q", got.Members)
	}
	call(t, api, "DELETE", path+"/members/cyd%20lee", "", 204)
	all := decoded[[]Group](t, call(t, api, "GET", "/groups", "", 200))
	if len(all) != 2 || all[0].Name != "Trip" || all[1].Name != "Flat" {
		t.Errorf("all groups: %+v", all)
	}
	call(t, api, "DELETE", path, "", 204)
	call(t, api, "GET", path, "", 404)
}

func TestRefused(t *testing.T) {
	api := service(t, &ledger{})
	group := decoded[Group](t, call(t, api, "POST", "/groups", `{"name": "Trip", "members": ["ann"]}`, 201))
	path := "/groups/" + group.ID
	for name, test := range map[string]struct {
		method, path, body string
		status             int
	}{
		"nameless group":      {"POST", "/groups", `{"name": " "}`, 422},
		"nameless member":     {"POST", path + "/members", `{"name": " "}`, 422},
		"member twice":        {"POST", path + "/members", `{"name": "ann"}`, 409},
		"twice at the start":  {"POST", "/groups", `{"name": "x", "members": ["a", "a "]}`, 409},
		"unknown field":       {"POST", "/groups", `{"title": "x"}`, 400},
		"member of no group":  {"POST", "/groups/none/members", `{"name": "bob"}`, 404},
		"no group to delete":  {"DELETE", "/groups/none", "", 404},
		"no group to leave":   {"DELETE", "/groups/none/members/ann", "", 404},
		"method not provided": {"PUT", path, "", 405},
	} {
		t.Run(name, func(t *testing.T) { call(t, api, test.method, test.path, test.body, test.status) })
	}
	if all := decoded[[]Group](t, call(t, api, "GET", "/groups", "", 200)); len(all) != 1 {
		t.Errorf("a refused group was kept: %+v", all)
	}
}

func TestNobodyLeavesWithAnOpenBalance(t *testing.T) {
	books := &ledger{sheet: balance.Sheet{"ann": 500, "bob": -500}}
	api := service(t, books)
	group := decoded[Group](t, call(t, api, "POST", "/groups", `{"name": "Trip", "members": ["ann", "bob", "cyd"]}`, 201))
	path := "/groups/" + group.ID
	call(t, api, "DELETE", path+"/members/ann", "", 409)
	call(t, api, "DELETE", path+"/members/bob", "", 409)
	call(t, api, "DELETE", path+"/members/cyd", "", 204)
	call(t, api, "DELETE", path, "", 409)

	books.err = consumer.ErrUnavailable
	call(t, api, "DELETE", path+"/members/ann", "", 503)
	call(t, api, "DELETE", path, "", 503)

	books.sheet, books.err = balance.Sheet{"ann": 0, "bob": 0}, nil
	call(t, api, "DELETE", path+"/members/ann", "", 204)
	call(t, api, "DELETE", path, "", 204)
}
