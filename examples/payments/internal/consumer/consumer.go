// Package consumer asks tmicro on behalf of other services.
package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"example.org/payments/internal/tmicro/balance"
)

// ErrUnavailable is in the chain of every error that comes of tmicro not
// answering, or not as agreed.
var ErrUnavailable = errors.New("tmicro is unavailable")

// timeout bounds one question, connecting included.
const timeout = 2 * time.Second

// Client asks one tmicro.
type Client struct {
	base *url.URL
	http *http.Client
}

// New returns a client of the tmicro at a base address, as
// http://127.0.0.1:8082.
func New(base string) (*Client, error) {
	parsed, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if parsed.Scheme == "" || parsed.Host == "" {
		return nil, fmt.Errorf("%q is no http address", base)
	}
	return &Client{base: parsed, http: &http.Client{Timeout: timeout}}, nil
}

// Balances returns where the members of a group stand: an empty sheet for a
// group that tmicro has not heard of.
func (c *Client) Balances(ctx context.Context, group string) (balance.Sheet, error) {
	// JoinPath takes its words as escaped already.
	address := c.base.JoinPath("balances", url.PathEscape(group)).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: status %d", ErrUnavailable, response.StatusCode)
	}
	var report balance.Report
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return report.Balances, nil
}
