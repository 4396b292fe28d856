# bash completion for shorepass. shorepass itself says what fits at the cursor; nothing of the line becomes an argument.
_shorepass() {
    local line=${COMP_LINE:0:COMP_POINT} words word before kind value
    read -ra words <<<"$line"
    if [[ $line == *[[:space:]] ]]; then
        words+=("")
    fi
    word=${words[${#words[@]} - 1]}
    before=${word%"$2"} # bash begins a new word after ":" and "=", and replaces only that
    COMPREPLY=()
    while IFS=$'\t' read -r value _; do
        if [[ -z $kind ]]; then
            kind=$value
        elif [[ $value == "$word"* ]]; then
            COMPREPLY+=("${value#"$before"}")
        fi
    done < <(printf '%s\n' "${words[@]:1}" | command shorepass completion --offer 2>/dev/null)
    case $kind in
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
        programs) mapfile -t COMPREPLY < <(compgen -c -- "$2") ;;
    esac
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=] ]]; then
        compopt -o nospace
    fi
}
complete -F _shorepass shorepass
