#compdef pyrun
# Completion of pyrun for zsh. What pyrun answers is never evaluated, only inserted.

_pyrun() {
    local program=pyrun kind prefix
    local -a typed answer
    # A path that was typed is the pyrun to ask; a name may be an alias, and PATH knows pyrun.
    case ${words[1]} in
        '~/'*) program=$HOME/${${(Q)words[1]}#'~/'} ;;
        */*) program=${(Q)words[1]} ;;
    esac
    (( CURRENT > 2 )) && typed=("${(@Q)words[2,CURRENT-1]}")
    typed+=("${(Q)PREFIX}")
    answer=("${(@f)$("$program" --pyrun-complete=zsh "${typed[@]}" 2>/dev/null </dev/null)}")
    kind=${answer[1]%%$'\t'*}
    prefix=${answer[1]#*$'\t'}
    shift answer
    case $kind in
        files) compset -p ${#prefix}; _files ;;
        folders) compset -p ${#prefix}; _path_files -/ ;;
        values) (( $#answer )) && _describe -V -t pyrun pyrun answer ;;
    esac
}

# Found through fpath, this file is the function itself; read by `source`, it tells of the function.
if [[ ${funcstack[1]} == _pyrun ]]; then
    _pyrun "$@"
else
    if (( ! $+functions[compdef] )); then
        autoload -Uz compinit && compinit
    fi
    compdef _pyrun pyrun
fi
