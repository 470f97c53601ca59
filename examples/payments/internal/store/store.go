// Package store keeps JSON documents by key in one file, without a database
// server. A service has one file, and in it one bucket a kind of document.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// ErrNotFound is returned for a key that holds no document.
var ErrNotFound = errors.New("not found")

// Path says where a service keeps its data: DATA if set, else
// data/SERVICE.db below the working folder (an image from scratch has no
// temporary folder).
func Path(getenv func(string) string, service string) string {
	if path := getenv("DATA"); path != "" {
		return path
	}
	return filepath.Join("data", service+".db")
}

// Store is an open file of documents.
type Store struct{ db *bolt.DB }

// Open opens the file, made with its folder if missing. It is an error if
// another process holds it for more than a second.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &Store{db}, nil
}

// Close ends what is under way and frees the file.
func (s *Store) Close() error { return s.db.Close() }

// Bucket is the documents of one kind.
type Bucket[T any] struct {
	db   *bolt.DB
	name []byte
}

// BucketOf returns the bucket of that name, made if missing.
func BucketOf[T any](s *Store, name string) (*Bucket[T], error) {
	err := s.db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte(name))
		return err
	})
	return &Bucket[T]{s.db, []byte(name)}, err
}

// Put stores a document, in place of what the key held.
func (b *Bucket[T]) Put(key string, value T) error {
	return b.db.Update(func(tx *bolt.Tx) error { return put(tx.Bucket(b.name), key, value) })
}

// Get returns the key's document, or ErrNotFound.
func (b *Bucket[T]) Get(key string) (value T, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		value, err = get[T](tx.Bucket(b.name), key)
		return err
	})
	return value, err
}

// Change replaces the key's document by what change makes of it, as one step
// against other changes. If change fails, nothing is stored.
func (b *Bucket[T]) Change(key string, change func(T) (T, error)) (value T, err error) {
	err = b.db.Update(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(b.name)
		before, err := get[T](bucket, key)
		if err != nil {
			return err
		}
		if value, err = change(before); err != nil {
			return err
		}
		return put(bucket, key, value)
	})
	return value, err
}

// Delete removes the key's document; ErrNotFound if there is none.
func (b *Bucket[T]) Delete(key string) error {
	return b.db.Update(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(b.name)
		if bucket.Get([]byte(key)) == nil {
			return ErrNotFound
		}
		return bucket.Delete([]byte(key))
	})
}

// List returns the documents that keep accepts, by key in order; never nil.
func (b *Bucket[T]) List(keep func(T) bool) ([]T, error) {
	kept := []T{}
	err := b.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(b.name).ForEach(func(_, raw []byte) error {
			var value T
			if err := json.Unmarshal(raw, &value); err != nil {
				return err
			}
			if keep(value) {
				kept = append(kept, value)
			}
			return nil
		})
	})
	return kept, err
}

func get[T any](bucket *bolt.Bucket, key string) (value T, err error) {
	raw := bucket.Get([]byte(key))
	if raw == nil {
		return value, ErrNotFound
	}
	return value, json.Unmarshal(raw, &value)
}

func put[T any](bucket *bolt.Bucket, key string, value T) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return bucket.Put([]byte(key), raw)
}
