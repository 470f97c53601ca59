module example.org/payments

go 1.24

require (
	github.com/go-chi/chi/v5 v5.2.3
	github.com/google/uuid v1.6.0
	github.com/lib/pq v1.12.3
	github.com/rs/zerolog v1.34.0
	go.etcd.io/bbolt v1.4.3
)

require (
	github.com/mattn/go-colorable v0.1.13 // indirect
	github.com/mattn/go-isatty v0.0.19 // indirect
	golang.org/x/sys v0.29.0 // indirect
)
