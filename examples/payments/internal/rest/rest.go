// Package rest reads requests and writes answers as JSON. An error that knows
// its status travels from where it arises to the answer, as {"error": TEXT}.
package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"
)

// maxBody is the most bytes of a request that are read.
const maxBody = 1 << 20

// Error is a failure with the HTTP status that tells it to the caller.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error of a status and a formatted message.
func Errorf(status int, format string, args ...any) error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

// Read fills into from the request's body. Anything but one JSON value with
// known fields is an Error with status 400.
func Read(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return Errorf(http.StatusBadRequest, "body: %v", err)
	}
	if decoder.More() {
		return Errorf(http.StatusBadRequest, "body: more than one value")
	}
	return nil
}

// Write answers with a status and a value.
func Write(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// Param returns the named part of the request's path, as it was before it was
// escaped. (The router takes the escaped path only where escaping is not the
// usual one, as of a slash.)
func Param(r *http.Request, name string) (string, error) {
	part := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return part, nil
	}
	plain, err := url.PathUnescape(part)
	if err != nil {
		return "", Errorf(http.StatusBadRequest, "path: %v", err)
	}
	return plain, nil
}

// Answer is Write, unless there is an error: that it passes on.
func Answer(w http.ResponseWriter, status int, value any, err error) error {
	if err == nil {
		Write(w, status, value)
	}
	return err
}

// Handler is a handler that may fail instead of answering.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP calls the handler and answers in its stead if it failed: with the
// status of an Error, else with 500 and without the details.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h(w, r)
	if err == nil {
		return
	}
	var known *Error
	if !errors.As(err, &known) {
		known = &Error{Status: http.StatusInternalServerError, Message: "internal error"}
	}
	Write(w, known.Status, map[string]string{"error": known.Message})
}
