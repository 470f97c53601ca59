# Made by pyrun from tasks.yml
# docker build .

# the image of the container base
FROM alpine:3.22@sha256:1111111111111111111111111111111111111111111111111111111111111111 AS base-setup
RUN ["sh", "-c", "# set up base\n\
cd / || exit\n\
apk add git"]
RUN ["sh", "-c", "# set up base\n\
cd / || exit\n\
echo '\n\
\u0023 not a comment' >> /etc/profile"]

# what use reads
FROM scratch AS use-files
COPY --chmod=0755 ["src/use.sh", "/src/"]
COPY --chmod=0644 ["src/use.sh", "/src/link"]

# what make reads
FROM scratch AS make-files
COPY --chmod=0644 ["extra.txt", "/"]

# the container plain: prepare, make
FROM --platform=linux/amd64 busybox:1.36 AS plain
USER 0
ENV PYRUN_CONTAINER="plain"
WORKDIR /src
RUN --network=none \
    ["sh", "-c", "# prepare\n\
sh -c 'echo prepared' || exit"]
COPY --from=make-files ["/", "/src/"]
RUN --network=none \
    ["sh", "-c", "# make\n\
mkdir -p gen || exit\n\
pyrun_both() {\n\
  \"$1\"; set -- $? \"$2\"\n\
  \"$2\" || set -- $(($1 ? $1 : $?))\n\
  return $1\n\
}\n\
export V='value'\n\
pyrun_1() {\n\
pyrun_set=\"$pyrun_set\"'export S='\\''it'\\''\\'\\'''\\''s'\\''\n\
'\n\
if [ -e x ]; then\n\
( export ONLY='called'; eval \"$pyrun_set\"; exec sh -c 'cp extra.txt called.txt' ) || return\n\
fi\n\
if ( eval \"$pyrun_set\"; [ \"${CI+x}${CI-}\" = 'xtrue' ] ); then\n\
( eval \"$pyrun_set\"; exec sh -c 'echo $V' ) || return\n\
fi\n\
}\n\
pyrun_1_last() {\n\
( eval \"$pyrun_set\"; exec sh -c 'echo end' ) || return\n\
}\n\
pyrun_both pyrun_1 pyrun_1_last || exit\n\
[ -e gen/one ] || { echo 'make left no gen/one' >&2; exit 1; }\n\
find gen/one -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find gen/one -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :\n\
if [ -e called.txt ]; then\n\
find called.txt -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find called.txt -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :\n\
fi"]

# what make has made
FROM plain AS make-made
RUN ["sh", "-c", "# take what make has made\n\
mkdir -p /.pyrun/made/gen\n\
( cd gen 2>/dev/null || exit 0\n\
  find . -type f -o -type l | sed 's,^\\./,,' | grep -E '^((.*/)?[^/]*\\.a(/.*)?|(.*/)?[^/]*\\.so(/.*)?)$' |\n\
  while IFS= read -r file; do\n\
    [ -f \"$file\" ] || continue\n\
    case $file in */*) mkdir -p /.pyrun/made/gen/\"${file%/*}\" ;; esac\n\
    cp -pL \"./$file\" /.pyrun/made/gen/\"$file\" || exit\n\
  done\n\
) || exit\n\
mkdir -p /.pyrun/made\n\
[ ! -e called.txt ] || cp -RHp called.txt /.pyrun/made/called.txt || exit\n\
find /.pyrun/made -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find /.pyrun/made -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :"]

# the container own: use
FROM debian:12 AS own
USER 0
ENV PYRUN_CONTAINER="own"
ENV A="x:${PATH}"
ENV B="${A}"
WORKDIR /work
RUN ["chown", "1500:7", "/work"]
USER 1500:7
COPY --from=use-files --chown=1500:7 ["/", "/work/"]
COPY --from=plain --chown=1500:7 ["/src/gen/one", "/work/gen/one"]
COPY --from=make-made --chown=1500:7 ["/.pyrun/made/", "/work/"]
RUN --mount=type=cache,id=Two-in-one-/debian:12@1500:7/work/node_modules,target=/work/node_modules,uid=1500,gid=7 \
    --mount=type=cache,id=debian:12@1500:7/var/cache/x,target=/var/cache/x,uid=1500,gid=7 \
    --mount=type=secret,id=TOKEN,target=/run/secrets/TOKEN,mode=0444 \
    --mount=type=secret,id=NETRC,target=/etc/netrc,mode=0444 \
    --mount=type=ssh,mode=0666 \
    ["sh", "-c", "# use\n\
TOKEN=\"$(cat /run/secrets/TOKEN && echo .)\" || exit\n\
export TOKEN=\"${TOKEN%.}\"\n\
export NETRC='/etc/netrc'\n\
sh -c 'sh use.sh' || exit\n\
[ -e used ] || { echo 'use left no used' >&2; exit 1; }\n\
find used -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find used -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :"]

# what make has made
FROM plain AS make-for-t-2
RUN ["sh", "-c", "# take what make has made\n\
mkdir -p /.pyrun/made\n\
( cd gen 2>/dev/null || exit 0\n\
  find . -type f -o -type l | sed 's,^\\./,,' | grep -E '^((.*/)?[^/]*\\.a(/.*)?|(.*/)?[^/]*\\.so(/.*)?)$' |\n\
  while IFS= read -r file; do\n\
    [ -f \"$file\" ] || continue\n\
    case $file in */*) mkdir -p /.pyrun/made/\"${file%/*}\" ;; esac\n\
    cp -pL \"./$file\" /.pyrun/made/\"$file\" || exit\n\
  done\n\
) || exit\n\
find /.pyrun/made -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find /.pyrun/made -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :\n\
[ -n \"$(ls -A /.pyrun/made)\" ] || { echo 'make left nothing of gen/**/*.{a,so}' >&2; exit 1; }"]

# what make has made
FROM plain AS make-for-t-2-2
RUN ["sh", "-c", "# take what make has made\n\
mkdir -p /.pyrun/made || exit\n\
[ ! -e called.txt ] || { cp -RHp called.txt /.pyrun/made/libs; } || exit\n\
find /.pyrun/made -type d -exec chmod 755 {} + -o -type f -perm -100 -exec chmod 755 {} + -o -type f -exec chmod 644 {} + || exit\n\
find /.pyrun/made -mindepth 1 -depth -type d -exec rmdir {} \\; 2>/dev/null || :\n\
[ -n \"$(ls -A /.pyrun/made)\" ] || { echo 'make left nothing of called.txt' >&2; exit 1; }"]

# the image of t
FROM base-setup AS t
COPY --from=own --chown=0:0 ["/work/used", "/used/"]
COPY --from=make-for-t-2 --chown=0:0 ["/.pyrun/made/", "/libs/"]
COPY --from=plain --chown=0:0 ["/src/gen/one", "/libs"]
COPY --from=make-for-t-2-2 --chown=0:0 ["/.pyrun/made/libs", "/libs"]
COPY --from=base-setup --chown=0:0 ["/etc/profile", "/p"]

# Made by pyrun: only what the Dockerfile copies is sent
*
!extra.txt
!src/use.sh
