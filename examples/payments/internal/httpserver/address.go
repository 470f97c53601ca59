package httpserver

// Address says where a service listens: LISTEN (as "127.0.0.1:8081") if set,
// else every interface at PORT if set, else every interface at port 8080.
func Address(getenv func(string) string) string {
	if listen := getenv("LISTEN"); listen != "" {
		return listen
	}
	if port := getenv("PORT"); port != "" {
		return ":" + port
	}
	return ":8080"
}
