// Package expenses is what tmicro does: it keeps the expenses and payments of
// groups and tells who owes whom. It takes any group and member by name;
// gmicro knows which there are.
package expenses

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"example.org/payments/internal/rest"
	"example.org/payments/internal/store"
	"example.org/payments/internal/tmicro/balance"
	"example.org/payments/internal/tmicro/model"
)

// Book keeps all expenses and payments.
type Book struct {
	expenses *store.Bucket[model.Expense]
	payments *store.Bucket[model.Payment]
}

// In returns the book of a store.
func In(opened *store.Store) (*Book, error) {
	expenses, err := store.BucketOf[model.Expense](opened, "expenses")
	if err != nil {
		return nil, err
	}
	payments, err := store.BucketOf[model.Payment](opened, "payments")
	return &Book{expenses, payments}, err
}

// Spend enters an expense, with an id and a time of our own.
func (b *Book) Spend(expense model.Expense) (model.Expense, error) {
	if err := expense.Validate(); err != nil {
		return expense, rest.Errorf(http.StatusUnprocessableEntity, "%v", err)
	}
	id, err := uuid.NewV7() // in the order of time, and so the list is
	if err != nil {
		return expense, err
	}
	expense.ID, expense.Created = id.String(), time.Now().UTC()
	return expense, b.expenses.Put(expense.ID, expense)
}

// Pay enters a payment, with an id and a time of our own.
func (b *Book) Pay(payment model.Payment) (model.Payment, error) {
	if err := payment.Validate(); err != nil {
		return payment, rest.Errorf(http.StatusUnprocessableEntity, "%v", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return payment, err
	}
	payment.ID, payment.Created = id.String(), time.Now().UTC()
	return payment, b.payments.Put(payment.ID, payment)
}

// Expenses returns those of a group, or of all groups if it is "", oldest
// first.
func (b *Book) Expenses(group string) ([]model.Expense, error) {
	return b.expenses.List(func(e model.Expense) bool { return group == "" || e.Group == group })
}

// Payments returns those of a group, or of all groups if it is "", oldest
// first.
func (b *Book) Payments(group string) ([]model.Payment, error) {
	return b.payments.List(func(p model.Payment) bool { return group == "" || p.Group == group })
}

// Expense returns one expense.
func (b *Book) Expense(id string) (model.Expense, error) {
	expense, err := b.expenses.Get(id)
	return expense, told(err)
}

// Strike removes an expense that was entered by mistake.
func (b *Book) Strike(id string) error { return told(b.expenses.Delete(id)) }

// Balances tells where the members of a group stand, and how to settle.
func (b *Book) Balances(group string) (balance.Report, error) {
	expenses, err := b.Expenses(group)
	if err != nil {
		return balance.Report{}, err
	}
	payments, err := b.Payments(group)
	if err != nil {
		return balance.Report{}, err
	}
	sheet := balance.Compute(expenses, payments)
	return balance.Report{Group: group, Balances: sheet, Settlement: sheet.Settle()}, nil
}

func told(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return rest.Errorf(http.StatusNotFound, "no such expense")
	}
	return err
}
