# SPDX-License-Identifier: Apache-2.0
# bash completion for weft(1)

_weft() {
    local commands="up link add search ask summarize run watch documents remove draft record pin unpin spaces pair nodes sync handoff phone phones reminders pull models policy redact restore engines route why feedback ledger lens label train doctor"
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' i

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --home) ((i++)) ;;
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done

    COMPREPLY=()
    case $previous in
    --home)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    --think)
        mapfile -t COMPREPLY < <(compgen -W "on off" -- "$word")
        return
        ;;
    --system | --temperature | --max-tokens | --seed | --context | --load) return ;;
    --port | --host | --sentences | --ratio | --about | --thread | --space | --type | --limit | \
        --after | --as | --sha256 | --at | --for | -k) return ;;
    --with)
        mapfile -t COMPREPLY < <(compgen -W "replace mask hash encrypt fake" -- "$word")
        return
        ;;
    --balance)
        mapfile -t COMPREPLY < <(compgen -W "good fast frugal private" -- "$word")
        return
        ;;
    --protocol)
        mapfile -t COMPREPLY < <(compgen -W "openai responses anthropic gemini ollama azure" -- "$word")
        return
        ;;
    --clearance)
        mapfile -t COMPREPLY < <(compgen -W "public internal private" -- "$word")
        return
        ;;
    --deadline | --model | --url | --last | --noted) return ;;
    --map | --key-file | --policy)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    esac

    local options="--home --json"
    case $command in
    '') options="$options --help --version" ;;
    up) options="$options --port --host --lan" ;;
    add) options="$options --space --retry" ;;
    ask) options="$options --thread --space --type --path" ;;
    search) options="$options -k --space --type --path" ;;
    documents) options="$options --limit --after" ;;
    watch) options="$options --remove" ;;
    run) options="$options --system --temperature --max-tokens --seed --context --think --load --stats" ;;
    summarize) options="$options --sentences --ratio --about" ;;
    pull) options="$options --as --sha256" ;;
    lens) options="$options --question --set" ;;
    label) options="$options --jsonl --patterns --policy" ;;
    policy) options="$options --all" ;;
    redact) options="$options --for --with --all --in-json --jsonl --map --key-file --patterns --policy" ;;
    restore) options="$options --key-file --in-json" ;;
    engines) options="$options --protocol --clearance --model --url --key-file --no-key --replace" ;;
    route) options="$options --dry-run --balance --deadline --consent --offline --here --patterns --policy" ;;
    ledger) options="$options --last --noted" ;;
    draft) options="$options --space --at" ;;
    spaces) options="$options --label --role --level" ;;
    pair) options="$options --show" ;;
    nodes) options="$options --init --relay --off" ;;
    sync) options="$options --wait --timeout" ;;
    record) options="$options --label --limit" ;;
    reminders) options="$options --at" ;;
    train) options="--resume --from --out --data --threads --set --into --classes --bytes" ;;
    esac
    case $word:$command in
    -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
    *:) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
    *:run)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -X '!*.gguf' -- "$word")
        ;;
    *:add | *:summarize)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        ;;
    *:models)
        case $previous in
        models) mapfile -t COMPREPLY < <(compgen -W "list show import rm cp verify" -- "$word") ;;
        import)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            ;;
        esac
        ;;
    *:lens)
        mapfile -t COMPREPLY < <(compgen -W "embed spans entities salience intent language sensitivity" -- "$word")
        ;;
    *:draft)
        [ "$previous" != draft ] || mapfile -t COMPREPLY < <(compgen -W "list new cat edit history restore rename label remove" -- "$word")
        ;;
    *:spaces)
        [ "$previous" != spaces ] || mapfile -t COMPREPLY < <(compgen -W "list create members invite join role remove leave" -- "$word")
        ;;
    *:nodes)
        [ "$previous" != nodes ] || mapfile -t COMPREPLY < <(compgen -W "rename clear revoke leave paper recover" -- "$word")
        ;;
    *:record)
        [ "$previous" != record ] || mapfile -t COMPREPLY < <(compgen -W "list get history set unset count add take rm" -- "$word")
        ;;
    *:reminders)
        [ "$previous" != reminders ] || mapfile -t COMPREPLY < <(compgen -W "add remove" -- "$word")
        ;;
    *:engines)
        [ "$previous" != engines ] || mapfile -t COMPREPLY < <(compgen -W "add list rm key" -- "$word")
        ;;
    *:ledger)
        [ "$previous" != ledger ] || mapfile -t COMPREPLY < <(compgen -W "list verify export" -- "$word")
        ;;
    *:policy)
        if [ "$previous" = policy ]; then
            mapfile -t COMPREPLY < <(compgen -W "check test show" -- "$word")
        else
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
        fi
        ;;
    *:restore)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        ;;
    *:train)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -W "adapter vocab shards export language crf linear sensitivity salience answers vectors route card" -- "$word"; compgen -f -- "$word")
        ;;
    *:watch)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        ;;
    esac
}

complete -F _weft weft
