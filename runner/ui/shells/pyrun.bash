# Completion of pyrun for bash 3.2 or newer. What pyrun answers is never evaluated, only inserted.

_pyrun() {
    local program=pyrun kind='' entry
    # A path that was typed is the pyrun to ask; a name may be an alias, and PATH knows pyrun.
    case ${1-} in
        '~/'*) program=$HOME/${1#'~/'} ;;
        */*) program=$1 ;;
    esac
    COMPREPLY=()
    while IFS= read -r entry; do
        if [[ -z $kind ]]; then
            kind=$entry
        else
            COMPREPLY[${#COMPREPLY[@]}]=$entry
        fi
    done < <("$program" --pyrun-complete=bash "${COMP_LINE:0:COMP_POINT}" "${2-}" 2>/dev/null </dev/null)
    case $kind in
        files) compopt -o default 2>/dev/null ;;
        folders) compopt -o dirnames 2>/dev/null ;;
    esac
    return 0
}

# Before bash 4 a function can't ask for files, so they are offered wherever pyrun knows nothing better.
if [[ ${BASH_VERSINFO[0]} -lt 4 ]]; then
    complete -o default -F _pyrun pyrun
else
    complete -F _pyrun pyrun
fi
