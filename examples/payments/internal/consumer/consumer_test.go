package consumer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// answering returns a client of a server that gives that answer, and notes the
// path it was asked for.
func answering(t *testing.T, status int, body string) (client *Client, asked *string) {
	t.Helper()
	asked = new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = r.URL.Path
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	client, err := New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return client, asked
}

func TestBalances(t *testing.T) {
	client, asked := answering(t, 200, `{"group": "g 1", "balances": {"ann": 5, "bob": -5}, "settlement": []}`)
	sheet, err := client.Balances(context.Background(), "g 1")
	if err != nil || *asked != "/balances/g 1" {
		t.Errorf("asked %q: %v", *asked, err)
	}
	if !sheet.Open("ann") || sheet["bob"] != -5 || sheet.Open("cyd") {
		t.Errorf("got %v", sheet)
	}
}

func TestUnavailable(t *testing.T) {
	failing, _ := answering(t, 500, `{}`)
	garbled, _ := answering(t, 200, `<html>`)
	closed := httptest.NewServer(nil)
	closed.Close()
	gone, err := New(closed.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, client := range map[string]*Client{"failing": failing, "garbled": garbled, "gone": gone} {
		if sheet, err := client.Balances(context.Background(), "g"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: got %v, %v", name, sheet, err)
		}
	}
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	for _, base := range []string{"", "tmicro", "/tmicro", "http://", "http://[", "127.0.0.1:8082"} {
		if _, err := New(base); err == nil {
			t.Errorf("%q was taken", base)
		}
	}
}
