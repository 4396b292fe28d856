# fish completion for shorepass. shorepass itself says what fits at the cursor; nothing of the line becomes an argument.
function __shorepass_offer
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -e words[1]
    set -l lines (printf '%s\n' $words "$word" | command shorepass completion --offer 2>/dev/null)
    set -l kind $lines[1]
    set -e lines[1]
    set -l flag (string match -r -- '^--[^=]+=' "$word")
    set -l path (string replace -- "$flag" '' "$word")
    switch "$kind"
        case words
            printf '%s\n' $lines
        case files
            printf "$flag%s\n" (__fish_complete_path "$path")
        case folders
            printf "$flag%s\n" (__fish_complete_directories "$path")
        case programs
            complete -C "$word"
    end
end
complete -c shorepass -f -a '(__shorepass_offer)'
