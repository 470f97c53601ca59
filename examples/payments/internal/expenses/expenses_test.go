package expenses

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"example.org/payments/internal/store"
	"example.org/payments/internal/tmicro/balance"
	"example.org/payments/internal/tmicro/model"
)

func service(t *testing.T) http.Handler {
	t.Helper()
	opened, err := store.Open(filepath.Join(t.TempDir(), "tmicro.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	book, err := In(opened)
	if err != nil {
		t.Fatal(err)
	}
	router := chi.NewRouter()
	Mount(router, book)
	return router
}

// call wants that status and returns the answer's body as a T.
func call[T any](t *testing.T, handler http.Handler, method, path, body string, want int) (value T) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
	if recorder.Code != want {
		t.Fatalf("%s %s %s: got %d %s, want %d", method, path, body, recorder.Code, recorder.Body, want)
	}
	if want == http.StatusNoContent {
		return value
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &value); err != nil {
		t.Fatalf("%v in %s", err, recorder.Body)
	}
	return value
}

func TestBalancesFollowExpensesAndPayments(t *testing.T) {
	api := service(t)
	dinner := call[model.Expense](t, api, "POST", "/expenses",
		`{"group": "trip", "payer": "ann", "amount": 3000, "description": "dinner", "between": ["ann", "bob", "cyd"]}`, 201)
	call[model.Expense](t, api, "POST", "/expenses", `{"group": "flat", "payer": "dan", "amount": 100, "between": ["eve"]}`, 201)
	call[model.Payment](t, api, "POST", "/payments", `{"group": "trip", "from": "bob", "to": "ann", "amount": 400}`, 201)

	report := call[balance.Report](t, api, "GET", "/balances/trip", "", 200)
	if want := (balance.Sheet{"ann": 1600, "bob": -600, "cyd": -1000}); report.Group != "trip" || !maps.Equal(report.Balances, want) {
		t.Errorf("got %+v, want %v", report, want)
	}
	want := []balance.Transfer{{From: "cyd", To: "ann", Amount: 1000}, {From: "bob", To: "ann", Amount: 600}}
	if !slices.Equal(report.Settlement, want) {
		t.Errorf("settlement: %+v", report.Settlement)
	}

	if got := call[model.Expense](t, api, "GET", "/expenses/"+dinner.ID, "", 200); got.Description != "dinner" || got.Created.IsZero() {
		t.Errorf("expense: %+v", got)
	}
	call[struct{}](t, api, "DELETE", "/expenses/"+dinner.ID, "", 204)
	report = call[balance.Report](t, api, "GET", "/balances/trip", "", 200)
	if want := (balance.Sheet{"ann": -400, "bob": 400}); !maps.Equal(report.Balances, want) {
		t.Errorf("after striking: got %v, want %v", report.Balances, want)
	}
}

func TestListsAreOfOneGroupOrAll(t *testing.T) {
	api := service(t)
	for _, group := range []string{"b", "a", "b"} {
		call[model.Expense](t, api, "POST", "/expenses", `{"group": "`+group+`", "payer": "x", "amount": 1, "between": ["y"]}`, 201)
		call[model.Payment](t, api, "POST", "/payments", `{"group": "`+group+`", "from": "x", "to": "y", "amount": 1}`, 201)
	}
	for query, want := range map[string][]string{"": {"b", "a", "b"}, "?group=b": {"b", "b"}, "?group=c": {}} {
		var expenses, payments []string
		for _, expense := range call[[]model.Expense](t, api, "GET", "/expenses"+query, "", 200) {
			expenses = append(expenses, expense.Group)
		}
		for _, payment := range call[[]model.Payment](t, api, "GET", "/payments"+query, "", 200) {
			payments = append(payments, payment.Group)
		}
		if !slices.Equal(expenses, want) || !slices.Equal(payments, want) {
			t.Errorf("%q: expenses %v, payments %v, want %v", query, expenses, payments, want)
		}
	}
}

func TestRefused(t *testing.T) {
	api := service(t)
	for name, test := range map[string]struct {
		method, path, body string
		status             int
	}{
		"wrong expense":     {"POST", "/expenses", `{"group": "g", "payer": "a", "amount": 1, "between": []}`, 422},
		"wrong payment":     {"POST", "/payments", `{"group": "g", "from": "a", "to": "a", "amount": 1}`, 422},
		"half a cent":       {"POST", "/payments", `{"group": "g", "from": "a", "to": "b", "amount": 0.5}`, 400},
		"id of their own":   {"POST", "/payments", `{"id": "1", "group": "g", "from": "a", "to": "b", "amount": 1}`, 400},
		"no such expense":   {"GET", "/expenses/none", "", 404},
		"nothing to strike": {"DELETE", "/expenses/none", "", 404},
	} {
		t.Run(name, func(t *testing.T) { call[map[string]string](t, api, test.method, test.path, test.body, test.status) })
	}
}

func TestBalancesOfAnUnknownGroupAreEmpty(t *testing.T) {
	report := call[map[string]any](t, service(t), "GET", "/balances/any%2Fname", "", 200)
	if report["group"] != "any/name" || len(report["balances"].(map[string]any)) != 0 || len(report["settlement"].([]any)) != 0 {
		t.Errorf("got %v", report)
	}
}
