// Package httpserver is what every service of this repository has in common:
// where it listens, how it logs, how it says that it is well and how it stops.
// It knows no service.
package httpserver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// stopTimeout is how long requests under way may take once a stop was asked
// for. Supervisord kills after 10 seconds.
const stopTimeout = 8 * time.Second

// Logger returns a logger that writes a JSON line an event, from the level
// named (as "debug"), or from info if the name is none.
func Logger(out io.Writer, service, level string) zerolog.Logger {
	parsed, err := zerolog.ParseLevel(level)
	if err != nil || parsed == zerolog.NoLevel {
		parsed = zerolog.InfoLevel
	}
	return zerolog.New(out).Level(parsed).With().Timestamp().Str("service", service).Logger()
}

// Run serves handler at address until SIGTERM or SIGINT, then lets requests
// under way end. It returns nil after such a stop, and an error if the address
// can't be had or requests outlast the time for stopping.
func Run(log zerolog.Logger, address string, handler http.Handler) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return Serve(ctx, log, listener, handler)
}

// Serve is Run on a listener that is there, until ctx is done.
func Serve(ctx context.Context, log zerolog.Logger, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
	}
	log.Info().Str("address", listener.Addr().String()).Msg("listening")
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info().Msg("stopping")
	limited, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		return err
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
