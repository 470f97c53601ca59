// Package balance works out who owes whom from what tmicro keeps.
package balance

import (
	"cmp"
	"maps"
	"slices"

	"example.org/payments/internal/tmicro/model"
)

// Sheet is where each member of a group stands, in cents: what others owe
// them, less than nothing if they owe. The amounts of a sheet add up to 0.
type Sheet map[string]int64

// Transfer is a payment that is still to be made.
type Transfer struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Amount int64  `json:"amount"`
}

// Report is what tmicro tells about a group.
type Report struct {
	Group      string     `json:"group"`
	Balances   Sheet      `json:"balances"`
	Settlement []Transfer `json:"settlement"`
}

// Compute adds up the expenses and payments of one group.
func Compute(expenses []model.Expense, payments []model.Payment) Sheet {
	sheet := Sheet{}
	for _, expense := range expenses {
		sheet[expense.Payer] += expense.Amount
		for member, share := range expense.Shares() {
			sheet[member] -= share
		}
	}
	for _, payment := range payments {
		sheet[payment.From] += payment.Amount
		sheet[payment.To] -= payment.Amount
	}
	return sheet
}

// Open reports whether the member still owes or is owed something.
func (s Sheet) Open(member string) bool { return s[member] != 0 }

// Settled reports whether nobody owes anything.
func (s Sheet) Settled() bool {
	for _, amount := range s {
		if amount != 0 {
			return false
		}
	}
	return true
}

// Settle returns transfers after which nobody owes anything: fewer than there
// are members, the same for the same sheet, never nil. Each time the one who
// owes most pays the one who is owed most, and one of the two is done with.
func (s Sheet) Settle() []Transfer {
	left := maps.Clone(s)
	members := slices.Sorted(maps.Keys(left))
	byAmount := func(a, b string) int { return cmp.Compare(left[a], left[b]) }
	transfers := []Transfer{}
	for !left.Settled() {
		from, to := slices.MinFunc(members, byAmount), slices.MaxFunc(members, byAmount)
		amount := min(-left[from], left[to])
		if amount <= 0 {
			break // doesn't add up to 0: no sheet of ours
		}
		left[from] += amount
		left[to] -= amount
		transfers = append(transfers, Transfer{From: from, To: to, Amount: amount})
	}
	return transfers
}
