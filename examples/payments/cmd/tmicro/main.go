// Command tmicro keeps expenses and payments and tells who owes whom. LISTEN
// or PORT say where it serves (default :8080), DATA its file (default
// data/tmicro.db), LOG_LEVEL how much is logged.
package main

import (
	"os"

	"github.com/rs/zerolog"

	"example.org/payments/internal/expenses"
	"example.org/payments/internal/httpserver"
	"example.org/payments/internal/store"
)

func main() {
	log := httpserver.Logger(os.Stdout, "tmicro", os.Getenv("LOG_LEVEL"))
	if err := serve(log); err != nil {
		log.Fatal().Err(err).Msg("can't serve")
	}
}

// serve is apart from main so that the store is closed on every way out.
func serve(log zerolog.Logger) error {
	opened, err := store.Open(store.Path(os.Getenv, "tmicro"))
	if err != nil {
		return err
	}
	defer opened.Close()
	book, err := expenses.In(opened)
	if err != nil {
		return err
	}
	router := httpserver.Router(log, "tmicro", nil)
	expenses.Mount(router, book)
	return httpserver.Run(log, httpserver.Address(os.Getenv), router)
}
