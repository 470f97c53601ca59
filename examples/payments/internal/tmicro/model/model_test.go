package model

import (
	"maps"
	"strings"
	"testing"
)

func TestExpenseValidate(t *testing.T) {
	good := func() Expense {
		return Expense{Group: "g", Payer: "ann", Amount: 100, Between: []string{"ann", "bob"}}
	}
	for name, test := range map[string]struct {
		spoil func(*Expense)
		want  string
	}{
		"good":          {func(*Expense) {}, ""},
		"payer apart":   {func(e *Expense) { e.Between = []string{"bob"} }, ""},
		"largest":       {func(e *Expense) { e.Amount = MaxAmount }, ""},
		"no group":      {func(e *Expense) { e.Group = "" }, "group"},
		"no payer":      {func(e *Expense) { e.Payer = "" }, "payer"},
		"for nobody":    {func(e *Expense) { e.Between = nil }, "between"},
		"a nameless":    {func(e *Expense) { e.Between[1] = "" }, "between"},
		"named twice":   {func(e *Expense) { e.Between = []string{"bob", "ann", "bob"} }, "between"},
		"nothing":       {func(e *Expense) { e.Amount = 0 }, "amount"},
		"less":          {func(e *Expense) { e.Amount = -1 }, "amount"},
		"more than all": {func(e *Expense) { e.Amount = MaxAmount + 1 }, "amount"},
	} {
		t.Run(name, func(t *testing.T) {
			expense := good()
			test.spoil(&expense)
			expect(t, expense.Validate(), test.want)
		})
	}
}

func TestPaymentValidate(t *testing.T) {
	for name, test := range map[string]struct {
		payment Payment
		want    string
	}{
		"good":     {Payment{Group: "g", From: "a", To: "b", Amount: 1}, ""},
		"no group": {Payment{From: "a", To: "b", Amount: 1}, "group"},
		"no from":  {Payment{Group: "g", To: "b", Amount: 1}, "from"},
		"no to":    {Payment{Group: "g", From: "a", Amount: 1}, "to"},
		"to self":  {Payment{Group: "g", From: "a", To: "a", Amount: 1}, "to"},
		"nothing":  {Payment{Group: "g", From: "a", To: "b"}, "amount"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, test.payment.Validate(), test.want) })
	}
}

// expect wants no error, or one about that field.
func expect(t *testing.T, err error, field string) {
	t.Helper()
	if field == "" && err != nil || field != "" && (err == nil || !strings.HasPrefix(err.Error(), field+":")) {
		t.Errorf("got %v, want one about %q", err, field)
	}
}

func TestShares(t *testing.T) {
	for name, test := range map[string]struct {
		amount  int64
		between []string
		want    map[string]int64
	}{
		"even":           {3000, []string{"a", "b", "c"}, map[string]int64{"a": 1000, "b": 1000, "c": 1000}},
		"odd cents":      {1001, []string{"c", "a", "b"}, map[string]int64{"c": 334, "a": 334, "b": 333}},
		"less than each": {1, []string{"a", "b"}, map[string]int64{"a": 1, "b": 0}},
		"one":            {7, []string{"a"}, map[string]int64{"a": 7}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Expense{Amount: test.amount, Between: test.between}).Shares(); !maps.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
