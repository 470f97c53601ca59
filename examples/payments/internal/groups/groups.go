// Package groups is what gmicro does: groups of people who share expenses.
// Members are known by their names, each once in a group.
package groups

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"example.org/payments/internal/rest"
	"example.org/payments/internal/store"
)

// Group is some people under one name.
type Group struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Members []string  `json:"members"`
	Created time.Time `json:"created"`
}

// Groups keeps all groups.
type Groups struct{ documents *store.Bucket[Group] }

// In returns the groups of a store.
func In(opened *store.Store) (*Groups, error) {
	documents, err := store.BucketOf[Group](opened, "groups")
	return &Groups{documents}, err
}

// Create makes a group; its name and those of its members are trimmed.
func (g *Groups) Create(name string, members []string) (Group, error) {
	group := Group{Name: strings.TrimSpace(name), Members: []string{}, Created: time.Now().UTC()}
	if group.Name == "" {
		return group, rest.Errorf(http.StatusUnprocessableEntity, "name: missing")
	}
	for _, member := range members {
		var err error
		if group, err = group.with(member); err != nil {
			return group, err
		}
	}
	id, err := uuid.NewV7() // in the order of time, and so the list is
	if err != nil {
		return group, err
	}
	group.ID = id.String()
	return group, g.documents.Put(group.ID, group)
}

// List returns all groups, oldest first.
func (g *Groups) List() ([]Group, error) {
	return g.documents.List(func(Group) bool { return true })
}

// Get returns one group.
func (g *Groups) Get(id string) (Group, error) {
	group, err := g.documents.Get(id)
	return group, told(err)
}

// Delete removes a group.
func (g *Groups) Delete(id string) error { return told(g.documents.Delete(id)) }

// AddMember adds one who is not in the group yet.
func (g *Groups) AddMember(id, member string) (Group, error) {
	group, err := g.documents.Change(id, func(group Group) (Group, error) { return group.with(member) })
	return group, told(err)
}

// RemoveMember removes one who is in the group.
func (g *Groups) RemoveMember(id, member string) error {
	_, err := g.documents.Change(id, func(group Group) (Group, error) {
		at := slices.Index(group.Members, member)
		if at < 0 {
			return group, rest.Errorf(http.StatusNotFound, "no member %q in this group", member)
		}
		group.Members = slices.Delete(group.Members, at, at+1)
		return group, nil
	})
	return told(err)
}

func (g Group) with(member string) (Group, error) {
	member = strings.TrimSpace(member)
	if member == "" {
		return g, rest.Errorf(http.StatusUnprocessableEntity, "member: a name is missing")
	}
	if slices.Contains(g.Members, member) {
		return g, rest.Errorf(http.StatusConflict, "%q is a member already", member)
	}
	g.Members = append(g.Members, member)
	return g, nil
}

func told(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return rest.Errorf(http.StatusNotFound, "no such group")
	}
	return err
}
