// Package model is what tmicro keeps: expenses that a member paid for others,
// and payments by which members make up for them. Amounts are whole cents.
package model

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// MaxAmount bounds one amount, in cents: 90 million of them fit into a sum.
const MaxAmount = 1_000_000_000_00

// Expense is money that one member paid for a purchase of several.
type Expense struct {
	ID          string    `json:"id"`
	Group       string    `json:"group"`
	Payer       string    `json:"payer"`
	Amount      int64     `json:"amount"`
	Description string    `json:"description,omitempty"`
	Between     []string  `json:"between"`
	Created     time.Time `json:"created"`
}

// Payment is money that one member gave another.
type Payment struct {
	ID      string    `json:"id"`
	Group   string    `json:"group"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Amount  int64     `json:"amount"`
	Created time.Time `json:"created"`
}

// Validate says what is wrong with the expense, or returns nil.
func (e Expense) Validate() error {
	switch {
	case e.Group == "":
		return errors.New("group: missing")
	case e.Payer == "":
		return errors.New("payer: missing")
	case len(e.Between) == 0:
		return errors.New("between: at least one member")
	case slices.Contains(e.Between, ""):
		return errors.New("between: a member without a name")
	}
	members := slices.Sorted(slices.Values(e.Between))
	if len(slices.Compact(members)) != len(e.Between) {
		return errors.New("between: a member named twice")
	}
	return validAmount(e.Amount)
}

// Validate says what is wrong with the payment, or returns nil.
func (p Payment) Validate() error {
	switch {
	case p.Group == "":
		return errors.New("group: missing")
	case p.From == "":
		return errors.New("from: missing")
	case p.To == "":
		return errors.New("to: missing")
	case p.From == p.To:
		return errors.New("to: the same member as from")
	}
	return validAmount(p.Amount)
}

func validAmount(amount int64) error {
	if amount < 1 || amount > MaxAmount {
		return fmt.Errorf("amount: between 1 and %d cents", int64(MaxAmount))
	}
	return nil
}

// Shares returns what each member bears of the expense. They add up to the
// amount exactly: cents that don't divide go one each to the first named.
func (e Expense) Shares() map[string]int64 {
	count := int64(len(e.Between))
	shares := make(map[string]int64, count)
	for i, member := range e.Between {
		shares[member] = e.Amount / count
		if int64(i) < e.Amount%count {
			shares[member]++
		}
	}
	return shares
}
