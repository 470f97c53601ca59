//go:build integration

// Package integration tests a running tmicro and a real PostgreSQL together:
// TMICRO_URL and DATABASE_URL say where they are.
package integration

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"testing"

	"github.com/google/uuid"
	_ "github.com/lib/pq"

	"example.org/payments/internal/consumer"
	"example.org/payments/internal/tmicro/balance"
)

// TestStatements keeps what tmicro tells of a group as statements in the
// database, and asks the database what changed between two of them.
func TestStatements(t *testing.T) {
	ctx := context.Background()
	tmicro, err := consumer.New(needed(t, "TMICRO_URL"))
	if err != nil {
		t.Fatal(err)
	}
	kept := open(t, needed(t, "DATABASE_URL"))
	group := uuid.NewString()

	enter(t, "/expenses", map[string]any{
		"group": group, "payer": "ann", "amount": 3000, "between": []string{"ann", "bob", "cyd"},
	})
	for number := 1; number <= 2; number++ {
		sheet, err := tmicro.Balances(ctx, group)
		if err != nil {
			t.Fatal(err)
		}
		for member, amount := range sheet {
			const insert = `INSERT INTO statement VALUES ($1, $2, $3, $4)`
			if _, err := kept.ExecContext(ctx, insert, group, number, member, amount); err != nil {
				t.Fatal(err)
			}
		}
		enter(t, "/payments", map[string]any{"group": group, "from": "bob", "to": "ann", "amount": 400})
	}

	const changed = `
		SELECT member, later.cents - before.cents
		FROM statement before JOIN statement later USING ("group", member)
		WHERE "group" = $1 AND before.number = 1 AND later.number = 2`
	rows, err := kept.QueryContext(ctx, changed, group)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := balance.Sheet{}
	for rows.Next() {
		var member string
		var cents int64
		if err := rows.Scan(&member, &cents); err != nil {
			t.Fatal(err)
		}
		got[member] = cents
	}
	if want := (balance.Sheet{"ann": -400, "bob": 400, "cyd": 0}); !maps.Equal(got, want) || rows.Err() != nil {
		t.Errorf("between the statements %v changed, not %v: %v", got, want, rows.Err())
	}
}

// open returns the database with a table for statements.
func open(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	const create = `
		CREATE TABLE IF NOT EXISTS statement (
			"group" uuid, number int, member text, cents bigint, PRIMARY KEY ("group", number, member)
		)`
	if _, err := db.Exec(create); err != nil {
		t.Fatal(err)
	}
	return db
}

// enter posts a document to tmicro.
func enter(t *testing.T, path string, document map[string]any) {
	t.Helper()
	body, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(needed(t, "TMICRO_URL")+path, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("POST %s: status %d", path, response.StatusCode)
	}
}

func needed(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set", name)
	}
	return value
}
