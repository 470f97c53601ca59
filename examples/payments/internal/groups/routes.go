package groups

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"example.org/payments/internal/consumer"
	"example.org/payments/internal/rest"
	"example.org/payments/internal/tmicro/balance"
)

// Ledger tells where the members of a group stand.
type Ledger interface {
	Balances(ctx context.Context, group string) (balance.Sheet, error)
}

// Mount adds the paths below /groups to a router. The ledger is asked before
// someone who may still owe or be owed something is let go.
func Mount(router chi.Router, groups *Groups, ledger Ledger) {
	routes := routes{groups, ledger}
	router.Method(http.MethodGet, "/groups", rest.Handler(routes.list))
	router.Method(http.MethodPost, "/groups", rest.Handler(routes.create))
	router.Method(http.MethodGet, "/groups/{id}", rest.Handler(routes.get))
	router.Method(http.MethodDelete, "/groups/{id}", rest.Handler(routes.delete))
	router.Method(http.MethodPost, "/groups/{id}/members", rest.Handler(routes.addMember))
	router.Method(http.MethodDelete, "/groups/{id}/members/{member}", rest.Handler(routes.removeMember))
}

type routes struct {
	groups *Groups
	ledger Ledger
}

func (s routes) list(w http.ResponseWriter, _ *http.Request) error {
	all, err := s.groups.List()
	return rest.Answer(w, http.StatusOK, all, err)
}

func (s routes) create(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Name    string   `json:"name"`
		Members []string `json:"members"`
	}
	if err := rest.Read(w, r, &body); err != nil {
		return err
	}
	group, err := s.groups.Create(body.Name, body.Members)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/groups/"+group.ID)
	rest.Write(w, http.StatusCreated, group)
	return nil
}

func (s routes) get(w http.ResponseWriter, r *http.Request) error {
	group, err := s.groups.Get(chi.URLParam(r, "id"))
	return rest.Answer(w, http.StatusOK, group, err)
}

func (s routes) delete(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	sheet, err := s.sheet(r.Context(), id)
	if err != nil {
		return err
	}
	if !sheet.Settled() {
		return rest.Errorf(http.StatusConflict, "the group is not settled")
	}
	if err := s.groups.Delete(id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s routes) addMember(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Name string `json:"name"`
	}
	if err := rest.Read(w, r, &body); err != nil {
		return err
	}
	group, err := s.groups.AddMember(chi.URLParam(r, "id"), body.Name)
	return rest.Answer(w, http.StatusCreated, group, err)
}

func (s routes) removeMember(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	member, err := rest.Param(r, "member")
	if err != nil {
		return err
	}
	sheet, err := s.sheet(r.Context(), id)
	if err != nil {
		return err
	}
	if sheet.Open(member) {
		return rest.Errorf(http.StatusConflict, "%q has an open balance of %d cents", member, sheet[member])
	}
	if err := s.groups.RemoveMember(id, member); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// sheet returns where the members of a group stand that there is.
func (s routes) sheet(ctx context.Context, id string) (balance.Sheet, error) {
	if _, err := s.groups.Get(id); err != nil {
		return nil, err
	}
	sheet, err := s.ledger.Balances(ctx, id)
	if errors.Is(err, consumer.ErrUnavailable) {
		return nil, rest.Errorf(http.StatusServiceUnavailable, "the balances can't be had now")
	}
	return sheet, err
}
