# Made by pyrun from tasks.yml
# docker build .

# what install reads
FROM scratch AS install-files
COPY --chmod=0644 ["go.mod", "go.sum", "/"]

# the container go: install
FROM golang:1.24-alpine AS go
USER 0
RUN ["sh", "-c", "# set up go\n\
cd / || exit\n\
apk add --no-cache git"]
ENV PYRUN_CONTAINER="go"
WORKDIR /src
COPY --from=install-files ["/", "/src/"]
RUN --mount=type=cache,id=golang:1.24-alpine/go/pkg/mod,target=/go/pkg/mod \
    --mount=type=cache,id=golang:1.24-alpine/root/.cache/go-build,target=/root/.cache/go-build \
    ["sh", "-c", "# install\n\
sh -c 'go mod download' || exit"]

# what build gmicro reads
FROM scratch AS build-gmicro-files
COPY --chmod=0644 ["cmd/gmicro/main.go", "/cmd/gmicro/"]
COPY --chmod=0644 ["internal/store/store.go", "/internal/store/"]
COPY --chmod=0644 ["internal/store/sub/x.go", "/internal/store/sub/"]

# the container go: build gmicro
FROM go AS build-gmicro
COPY --from=build-gmicro-files ["/", "/src/"]
RUN --mount=type=cache,id=golang:1.24-alpine/go/pkg/mod,target=/go/pkg/mod \
    --mount=type=cache,id=golang:1.24-alpine/root/.cache/go-build,target=/root/.cache/go-build \
    ["sh", "-c", "# build gmicro\n\
mkdir -p bin || exit\n\
export CGO_ENABLED='0'\n\
sh -c 'go build -ldflags='\\''-s -w'\\'' -o bin/gmicro ./cmd/gmicro' || exit\n\
[ -e bin/gmicro ] || { echo 'build gmicro left no bin/gmicro' >&2; exit 1; }\n\
find bin/gmicro -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find bin/gmicro -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :"]

# the image of t gmicro
FROM alpine:3.22@sha256:1111111111111111111111111111111111111111111111111111111111111111 AS t-gmicro
COPY --from=build-gmicro --chown=0:0 ["/src/bin/gmicro", "/app/"]
WORKDIR /app
ENTRYPOINT ["./gmicro"]

# what build tmicro reads
FROM scratch AS build-tmicro-files
COPY --chmod=0644 ["cmd/tmicro/main.go", "/cmd/tmicro/"]
COPY --chmod=0644 ["internal/store/store.go", "/internal/store/"]
COPY --chmod=0644 ["internal/store/sub/x.go", "/internal/store/sub/"]

# the container go: build tmicro
FROM go AS build-tmicro
COPY --from=build-tmicro-files ["/", "/src/"]
RUN --mount=type=cache,id=golang:1.24-alpine/go/pkg/mod,target=/go/pkg/mod \
    --mount=type=cache,id=golang:1.24-alpine/root/.cache/go-build,target=/root/.cache/go-build \
    ["sh", "-c", "# build tmicro\n\
mkdir -p bin || exit\n\
export CGO_ENABLED='0'\n\
sh -c 'go build -ldflags='\\''-s -w'\\'' -o bin/tmicro ./cmd/tmicro' || exit\n\
[ -e bin/tmicro ] || { echo 'build tmicro left no bin/tmicro' >&2; exit 1; }\n\
find bin/tmicro -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find bin/tmicro -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :"]

# the image of t tmicro
FROM alpine:3.22@sha256:1111111111111111111111111111111111111111111111111111111111111111 AS t-tmicro
COPY --from=build-tmicro --chown=0:0 ["/src/bin/tmicro", "/app/"]
WORKDIR /app
ENTRYPOINT ["./tmicro"]

# Made by pyrun: only what the Dockerfile copies is sent
*
!cmd/gmicro/main.go
!cmd/tmicro/main.go
!go.mod
!go.sum
!internal/store/store.go
!internal/store/sub/x.go
