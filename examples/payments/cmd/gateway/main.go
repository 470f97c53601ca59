// Command gateway is the one address of all services. LISTEN or PORT say where
// (default :8080), GMICRO_URL and TMICRO_URL where the others are, LOG_LEVEL
// how much is logged.
package main

import (
	"cmp"
	"os"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"example.org/payments/internal/apidoc"
	"example.org/payments/internal/httpserver"
	"example.org/payments/internal/proxy"
)

func main() {
	log := httpserver.Logger(os.Stdout, "gateway", os.Getenv("LOG_LEVEL"))
	router, err := routes(log, os.Getenv)
	if err != nil {
		log.Fatal().Err(err).Msg("can't start")
	}
	if err := httpserver.Run(log, httpserver.Address(os.Getenv), router); err != nil {
		log.Fatal().Err(err).Msg("can't serve")
	}
}

func routes(log zerolog.Logger, getenv func(string) string) (chi.Router, error) {
	gmicro, err := proxy.NewBackend("gmicro", cmp.Or(getenv("GMICRO_URL"), "http://127.0.0.1:8081"))
	if err != nil {
		return nil, err
	}
	tmicro, err := proxy.NewBackend("tmicro", cmp.Or(getenv("TMICRO_URL"), "http://127.0.0.1:8082"))
	if err != nil {
		return nil, err
	}
	router := httpserver.Router(log, "gateway", map[string]httpserver.Check{
		gmicro.Name: gmicro.Ready,
		tmicro.Name: tmicro.Ready,
	})
	apidoc.Mount(router)
	proxy.Mount(router, log, gmicro, "/groups")
	proxy.Mount(router, log, tmicro, "/expenses", "/payments", "/balances")
	return router, nil
}
