// Command gmicro keeps groups and their members. LISTEN or PORT say where it
// serves (default :8080), DATA its file (default data/gmicro.db), TMICRO_URL
// where balances are asked for, LOG_LEVEL how much is logged.
package main

import (
	"cmp"
	"os"

	"github.com/rs/zerolog"

	"example.org/payments/internal/consumer"
	"example.org/payments/internal/groups"
	"example.org/payments/internal/httpserver"
	"example.org/payments/internal/store"
)

func main() {
	log := httpserver.Logger(os.Stdout, "gmicro", os.Getenv("LOG_LEVEL"))
	if err := serve(log); err != nil {
		log.Fatal().Err(err).Msg("can't serve")
	}
}

// serve is apart from main so that the store is closed on every way out.
func serve(log zerolog.Logger) error {
	ledger, err := consumer.New(cmp.Or(os.Getenv("TMICRO_URL"), "http://127.0.0.1:8082"))
	if err != nil {
		return err
	}
	opened, err := store.Open(store.Path(os.Getenv, "gmicro"))
	if err != nil {
		return err
	}
	defer opened.Close()
	all, err := groups.In(opened)
	if err != nil {
		return err
	}
	router := httpserver.Router(log, "gmicro", nil)
	groups.Mount(router, all, ledger)
	return httpserver.Run(log, httpserver.Address(os.Getenv), router)
}
