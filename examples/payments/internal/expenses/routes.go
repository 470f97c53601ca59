package expenses

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"example.org/payments/internal/rest"
	"example.org/payments/internal/tmicro/model"
)

// Mount adds /expenses, /payments and /balances to a router.
func Mount(router chi.Router, book *Book) {
	routes := routes{book}
	router.Method(http.MethodGet, "/expenses", rest.Handler(routes.expenses))
	router.Method(http.MethodPost, "/expenses", rest.Handler(routes.spend))
	router.Method(http.MethodGet, "/expenses/{id}", rest.Handler(routes.expense))
	router.Method(http.MethodDelete, "/expenses/{id}", rest.Handler(routes.strike))
	router.Method(http.MethodGet, "/payments", rest.Handler(routes.payments))
	router.Method(http.MethodPost, "/payments", rest.Handler(routes.pay))
	router.Method(http.MethodGet, "/balances/{group}", rest.Handler(routes.balances))
}

type routes struct{ book *Book }

func (s routes) expenses(w http.ResponseWriter, r *http.Request) error {
	found, err := s.book.Expenses(r.URL.Query().Get("group"))
	return rest.Answer(w, http.StatusOK, found, err)
}

func (s routes) spend(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Group       string   `json:"group"`
		Payer       string   `json:"payer"`
		Amount      int64    `json:"amount"`
		Description string   `json:"description"`
		Between     []string `json:"between"`
	}
	if err := rest.Read(w, r, &body); err != nil {
		return err
	}
	expense, err := s.book.Spend(model.Expense{
		Group: body.Group, Payer: body.Payer, Amount: body.Amount,
		Description: body.Description, Between: body.Between,
	})
	return rest.Answer(w, http.StatusCreated, expense, err)
}

func (s routes) expense(w http.ResponseWriter, r *http.Request) error {
	expense, err := s.book.Expense(chi.URLParam(r, "id"))
	return rest.Answer(w, http.StatusOK, expense, err)
}

func (s routes) strike(w http.ResponseWriter, r *http.Request) error {
	if err := s.book.Strike(chi.URLParam(r, "id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s routes) payments(w http.ResponseWriter, r *http.Request) error {
	found, err := s.book.Payments(r.URL.Query().Get("group"))
	return rest.Answer(w, http.StatusOK, found, err)
}

func (s routes) pay(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Group  string `json:"group"`
		From   string `json:"from"`
		To     string `json:"to"`
		Amount int64  `json:"amount"`
	}
	if err := rest.Read(w, r, &body); err != nil {
		return err
	}
	payment, err := s.book.Pay(model.Payment{Group: body.Group, From: body.From, To: body.To, Amount: body.Amount})
	return rest.Answer(w, http.StatusCreated, payment, err)
}

func (s routes) balances(w http.ResponseWriter, r *http.Request) error {
	group, err := rest.Param(r, "group")
	if err != nil {
		return err
	}
	report, err := s.book.Balances(group)
	return rest.Answer(w, http.StatusOK, report, err)
}
