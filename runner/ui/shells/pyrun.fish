# Completion of pyrun for fish 3.1 or newer. What pyrun answers is never evaluated, only inserted.

function __pyrun_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    # A path that was typed is the pyrun to ask; PATH knows the others.
    set -l program pyrun
    if string match -q '*/*' -- $typed[1]
        set program (string replace -r '^~/' "$HOME/" -- $typed[1])
    end
    set -l answer ($program --pyrun-complete=fish $typed[2..-1] "$current" 2>/dev/null </dev/null)
    set -l head (string split -m 1 \t -- "$answer[1]")
    set -l rest (string sub -s (math 1 + (string length -- "$head[2]")) -- "$current")
    switch "$head[1]"
        case values
            set -e answer[1]
            if set -q answer[1]
                printf '%s\n' $answer
            end
        case files
            for path in (__fish_complete_path "$rest")
                printf '%s%s\n' "$head[2]" $path
            end
        case folders
            for path in (__fish_complete_directories "$rest" '')
                printf '%s%s\n' "$head[2]" $path
            end
    end
end

complete -c pyrun -f -a '(__pyrun_complete)'
