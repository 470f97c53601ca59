package balance

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"

	"example.org/payments/internal/tmicro/model"
)

func expense(payer string, amount int64, between ...string) model.Expense {
	return model.Expense{Payer: payer, Amount: amount, Between: between}
}

func TestComputeAndSettle(t *testing.T) {
	for name, test := range map[string]struct {
		expenses  []model.Expense
		payments  []model.Payment
		sheet     Sheet
		transfers []Transfer
	}{
		"nothing happened": {sheet: Sheet{}, transfers: []Transfer{}},
		"one paid for three": {
			expenses:  []model.Expense{expense("ann", 3000, "ann", "bob", "cyd")},
			sheet:     Sheet{"ann": 2000, "bob": -1000, "cyd": -1000},
			transfers: []Transfer{{"bob", "ann", 1000}, {"cyd", "ann", 1000}},
		},
		"paid back": {
			expenses:  []model.Expense{expense("ann", 3000, "ann", "bob")},
			payments:  []model.Payment{{From: "bob", To: "ann", Amount: 1500}},
			sheet:     Sheet{"ann": 0, "bob": 0},
			transfers: []Transfer{},
		},
		"in a ring nobody owes": {
			expenses:  []model.Expense{expense("a", 5, "b"), expense("b", 5, "c"), expense("c", 5, "a")},
			sheet:     Sheet{"a": 0, "b": 0, "c": 0},
			transfers: []Transfer{},
		},
		"a chain is cut short": {
			expenses:  []model.Expense{expense("a", 5, "b"), expense("b", 5, "c")},
			sheet:     Sheet{"a": 5, "b": 0, "c": -5},
			transfers: []Transfer{{"c", "a", 5}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			sheet := Compute(test.expenses, test.payments)
			if !maps.Equal(sheet, test.sheet) {
				t.Errorf("sheet: got %v, want %v", sheet, test.sheet)
			}
			if got := sheet.Settle(); got == nil || !slices.Equal(got, test.transfers) {
				t.Errorf("transfers: got %#v, want %#v", got, test.transfers)
			}
			if sheet.Settled() != (len(test.transfers) == 0) {
				t.Errorf("settled: %v", sheet.Settled())
			}
		})
	}
}

func TestOpen(t *testing.T) {
	sheet := Sheet{"ann": 5, "bob": -5, "cyd": 0}
	for member, want := range map[string]bool{"ann": true, "bob": true, "cyd": false, "stranger": false} {
		if got := sheet.Open(member); got != want {
			t.Errorf("%s: %v", member, got)
		}
	}
}

func TestSettleOfASheetThatDoesNotAddUpEnds(t *testing.T) {
	if got := (Sheet{"a": 3, "b": -1}).Settle(); !slices.Equal(got, []Transfer{{"b", "a", 1}}) {
		t.Errorf("got %v", got)
	}
}

func TestTransfersSettleAnySheet(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 200 {
		members := make([]string, 2+random.Intn(8))
		for i := range members {
			members[i] = fmt.Sprintf("m%d", i)
		}
		expenses := make([]model.Expense, random.Intn(20))
		for i := range expenses {
			picked := random.Perm(len(members))[:1+random.Intn(len(members))]
			for _, at := range picked {
				expenses[i].Between = append(expenses[i].Between, members[at])
			}
			expenses[i].Payer = members[random.Intn(len(members))]
			expenses[i].Amount = 1 + random.Int63n(10_000)
		}
		sheet := Compute(expenses, nil)
		before := maps.Clone(sheet)
		transfers := sheet.Settle()
		if !maps.Equal(sheet, before) {
			t.Fatal("settling changed the sheet")
		}
		if len(transfers) >= len(members) {
			t.Fatalf("%d transfers for %d members", len(transfers), len(members))
		}
		var payments []model.Payment
		for _, transfer := range transfers {
			payments = append(payments, model.Payment{From: transfer.From, To: transfer.To, Amount: transfer.Amount})
		}
		if after := Compute(expenses, payments); !after.Settled() {
			t.Fatalf("%v is left of %v after %v", after, sheet, transfers)
		}
	}
}
