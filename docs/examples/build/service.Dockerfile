FROM golang:1.24-alpine AS build
WORKDIR /src
COPY . .
ARG SERVICE
RUN go build -o /bin/service ./cmd/${SERVICE}

FROM alpine:3.22 AS production
COPY --from=build /bin/service /app/
ENTRYPOINT ["/app/service"]
