package store

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

type note struct {
	Text string `json:"text"`
}

func notes(t *testing.T, path string) (*Store, *Bucket[note]) {
	t.Helper()
	opened, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	bucket, err := BucketOf[note](opened, "notes")
	if err != nil {
		t.Fatal(err)
	}
	return opened, bucket
}

func TestPath(t *testing.T) {
	empty := func(string) string { return "" }
	if got, want := Path(empty, "gmicro"), filepath.Join("data", "gmicro.db"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	set := func(key string) string { return map[string]string{"DATA": "/var/x.db"}[key] }
	if got := Path(set, "gmicro"); got != "/var/x.db" {
		t.Errorf("got %q", got)
	}
}

func TestDocumentsOutliveTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "on", "demand.db")
	opened, bucket := notes(t, path)
	if err := bucket.Put("a", note{"first"}); err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	_, bucket = notes(t, path)
	if got, err := bucket.Get("a"); err != nil || got.Text != "first" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestListIsOrderedAndFiltered(t *testing.T) {
	_, bucket := notes(t, filepath.Join(t.TempDir(), "x.db"))
	if all, err := bucket.List(func(note) bool { return true }); err != nil || all == nil || len(all) != 0 {
		t.Errorf("empty: got %#v, %v", all, err)
	}
	for _, key := range []string{"c", "a", "b"} {
		if err := bucket.Put(key, note{key}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := bucket.List(func(n note) bool { return n.Text != "b" })
	if want := []note{{"a"}, {"c"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestChange(t *testing.T) {
	_, bucket := notes(t, filepath.Join(t.TempDir(), "x.db"))
	if err := bucket.Put("a", note{"old"}); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if _, err := bucket.Change("a", func(note) (note, error) { return note{"lost"}, refused }); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if got, _ := bucket.Get("a"); got.Text != "old" {
		t.Errorf("a refused change was stored: %+v", got)
	}
	changed, err := bucket.Change("a", func(n note) (note, error) { return note{n.Text + "er"}, nil })
	if stored, _ := bucket.Get("a"); err != nil || changed.Text != "older" || stored != changed {
		t.Errorf("got %+v, %v, stored %+v", changed, err, stored)
	}
}

func TestMissing(t *testing.T) {
	_, bucket := notes(t, filepath.Join(t.TempDir(), "x.db"))
	_, got := bucket.Get("a")
	_, changed := bucket.Change("a", func(n note) (note, error) { return n, nil })
	for name, err := range map[string]error{"get": got, "change": changed, "delete": bucket.Delete("a")} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = bucket.Put("a", note{})
	if err := bucket.Delete("a"); err != nil {
		t.Error(err)
	}
	if _, err := bucket.Get("a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after delete: %v", err)
	}
}
