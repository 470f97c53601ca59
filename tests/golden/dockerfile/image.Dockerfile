# Made by pyrun from tasks.yml
# docker build .

# the container c: made
FROM busybox:1.36 AS c
USER 0
ENV PYRUN_CONTAINER="c"
WORKDIR /src
RUN ["sh", "-c", "# made\n\
sh -c 'mkdir out' || exit\n\
[ -e out ] || { echo 'made left no out' >&2; exit 1; }\n\
find out -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find out -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :"]

# what made has made
FROM c AS made-for-t-1
RUN ["sh", "-c", "# take what made has made\n\
mkdir -p /.pyrun/made || exit\n\
{ cp -RHp out /.pyrun/made/made; } || exit\n\
find /.pyrun/made -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find /.pyrun/made -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :\n\
find /.pyrun/made -type f -exec chmod 640 {} +"]

# what made has made
FROM c AS made-for-t-3
RUN --mount=type=bind,from=registry.example.org/base:2,target=/.pyrun/base \
    ["sh", "-c", "# take what made has made\n\
mkdir -p /.pyrun/made || exit\n\
{ if [ -d out ]; then cp -RHp out/. /.pyrun/made; else cp -RHp out /.pyrun/made; fi; } || exit\n\
find /.pyrun/made -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find /.pyrun/made -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :\n\
chown -R 0:0 /.pyrun/made || exit\n\
cd /.pyrun/made && find . -type d | while IFS= read -r folder; do\n\
  there=/.pyrun/base/\"$folder\"\n\
  [ -d \"$there\" ] && [ ! -L \"$there\" ] || continue\n\
  chmod \"$(stat -c %a \"$there\")\" \"$folder\" && chown \"$(stat -c %u:%g \"$there\")\" \"$folder\" || exit\n\
done || exit"]

# the image of t
FROM registry.example.org/base:2 AS t
WORKDIR sub
COPY --from=made-for-t-1 --chown=5:6 ["/.pyrun/made/made", "/made"]
COPY --from=c --chown=0:0 ["/src/out", "rel/"]
COPY --from=made-for-t-3 ["/.pyrun/made/", "/"]
COPY --chmod=0644 ["conf/a", "/etc/conf/"]
COPY --chmod=0644 ["conf/b/c", "/etc/conf/b/"]
COPY --chmod=0644 ["it\\'s \\$5 [[]1] \\\"x\\\".txt", "/odd \\$name"]
COPY --from=tools --chown=0:0 ["/usr/bin/tool", "/bin/"]
ENV A="a \"b\" 'c' \$d \\e ü #" \
    PATH="/app:${PATH}" \
    B="${A}"
RUN ["/bin/sh", "-c", "adduser -D app"]
RUN ["/bin/sh", "-c", "echo 'two\n\
\u0023 lines' > /etc/motd"]
LABEL "org.example.label"="a \"b\" \$c" \
    "empty"=""
USER app
EXPOSE 8080/tcp 53/udp
VOLUME ["/data", "/with blank"]
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --retries=2 CMD wget -q http://127.0.0.1/ || exit 1
ENTRYPOINT ["sh", "-c", "echo \"$0\"; \\\n\
\u0023 no comment\n\
   exit", "#"]
CMD ["/bin/sh", "-c", "run $HOME"]

# Made by pyrun: only what the Dockerfile copies is sent
*
!conf/a
!conf/b/c
!it's $5 ?1? "x".txt
