#compdef weft
# SPDX-License-Identifier: Apache-2.0
# zsh completion for weft(1)

_weft() {
    local context state state_descr line
    typeset -A opt_args
    local -a commands=(
        'up:run the web app, the HTTP interface and the watched folders'
        'link:print a link that signs a browser in, once'
        'add:take in files and folders'
        'search:print the passages that match best'
        'ask:answer from your documents'
        'summarize:print the sentences that carry a text'
        'run:talk to a model, or let it answer once'
        'watch:keep folders taken in as they change'
        'documents:list what was taken in'
        'remove:remove documents for good'
        'draft:what is edited together'
        'record:small things with fields, the same everywhere'
        'spaces:the spaces that drafts live in'
        'pair:make two devices know each other, by a code'
        'nodes:your paired devices'
        'sync:whether your devices have the same'
        'handoff:what is open here opens on another device'
        'phone:let a phone in the local network use weft'
        'phones:the phones that were let in'
        'pin:keep a document of another device on this one'
        'unpin:let go a document that was pinned'
        'reminders:what weft is to remind you of'
        'pull:bring a model'
        'models:the models of this machine'
        'policy:who may see what'
        'redact:put placeholders for what others need not see'
        'restore:put back what was taken out'
        'engines:engines elsewhere, and what each may see'
        'route:where a request would run, and why'
        'why:where a request ran, and why'
        'feedback:what an answer was like'
        'ledger:what left this machine'
        'lens:what the embedded model says of a text'
        'label:how sensitive a text is, and why'
        'train:make vocabularies and models out of texts'
        'doctor:say what is missing or misconfigured'
    )

    _arguments -C \
        '--home[where the data lies]:folder:_files -/' \
        '--json[print one JSON object]' \
        '(- *)--help[print help and end]' \
        '(- *)--version[print the version and end]' \
        '1:command:->command' \
        '*::argument:->argument'

    case $state in
    command) _describe command commands ;;
    argument)
        case $words[1] in
        up) _arguments '--port[where to listen]:port:' '--host[at this address]:address:' '--json[print one JSON object]' ;;
        add) _arguments '--space[into this space]:space:' '--retry[what failed before]' '*:file:_files' ;;
        search) _arguments '-k[at most so many]:number:' '--json[print one JSON object]' ;;
        summarize)
            _arguments '--sentences[this many]:number:' '--ratio[this share]:share:' \
                '--about[turned to a topic]:topic:' '--json[print one JSON object]' '1:file:_files'
            ;;
        pull) _arguments '--as[keep it under this name]:name:' '--sha256[refuse another file]:hex:' '1:name or URL:' ;;
        models) _arguments '1:what:(list show import rm cp verify)' '*:file:_files' ;;
        lens) _arguments '--question[answered by the text]:text:' '--set[of intents]:name:' '--json[an object a line]' '1:what:(embed spans entities salience intent language sensitivity)' ;;
        label) _arguments '--jsonl[an object a line]' '--patterns[without the embedded model]' '--policy[by this one]:file:_files' '--json[one object]' ;;
        policy) _arguments '--all[the built-in sentences, too]' '--json[print one JSON object]' '1:what:(check test show)' '*:file:_files' ;;
        redact)
            _arguments '--for[what this provider may see]:provider:' '--all[all that is found]' \
                '--with[in place of the policy]:operator:(replace mask hash encrypt fake)' \
                '--in-json[the text is JSON]' '--jsonl[an object a line]' '--map[go on with it]:file:_files' \
                '--key-file[64 hex digits]:file:_files' '--patterns[without the embedded model]' \
                '--policy[by this one]:file:_files' '--json[print one JSON object]'
            ;;
        restore) _arguments '--key-file[64 hex digits]:file:_files' '--in-json[the text is JSON]' '1:map:_files' ;;
        engines)
            _arguments '--protocol[how it is spoken to]:protocol:(openai responses anthropic gemini ollama azure)' \
                '--clearance[what it may see at most]:label:(public internal private)' '--model[its models]:names:' \
                '--url[its address]:URL:' '--key-file[its key]:file:_files' '--no-key[it needs none]' \
                '--replace[change one that is there]' '--json[print one JSON object]' '1:what:(add list rm key)'
            ;;
        route)
            _arguments '--dry-run[send nothing]' '--balance[what counts most]:what:(good fast frugal private)' \
                '--deadline[in milliseconds]:number:' '--consent[as if you had agreed]' \
                '--offline[as if there were no network]' '--here[on this device or not at all]' \
                '--patterns[without the embedded model]' '--policy[by this one]:file:_files' \
                '--json[print one JSON object]'
            ;;
        ledger) _arguments '--last[so many]:number:' '--noted[what verify printed]:NUMBER\:HASH:' '--json[print one JSON object]' '1:what:(list verify export)' ;;
        record) _arguments '--label[the least it has]:label:(public internal private secret)' '--limit[at most so many]:number:' '--json[print one JSON object]' '1:what:(list get history set unset count add take rm)' ;;
        draft) _arguments '--space[only of this space]:space:' '--at[a version]:version:' '--json[print one JSON object]' '1:what:(list new cat edit history restore rename label remove)' ;;
        pair) _arguments '--show[show a code and wait]' '--json[print one JSON object]' '1:code@host:port:' ;;
        sync) _arguments '--wait[wait until they do]' '--timeout[seconds at most]:seconds' '--json[print one JSON object]' ;;
        nodes) _arguments '--init[make the owner and the first list]' '--json[print one JSON object]' '1:what:(rename clear revoke leave paper recover)' ;;
        spaces) _arguments '--label[least label]:label:(public internal private secret)' '--json[print one JSON object]' '1:what:(list create members invite join role remove leave)' ;;
        reminders) _arguments '--at[when]:time:' '--json[print one JSON object]' '1:what:(add remove)' ;;
        train) _arguments '1:what:(adapter vocab shards export language crf linear sensitivity salience answers vectors route card)' '*:file:_files' ;;
        run)
            _arguments '--system[what it is told beforehand]:text:' '--temperature[0 to 2]:number:' \
                '--max-tokens[at most so many]:number:' '--seed[the same, the same answer]:number:' \
                '--context[tokens it looks back on]:number:' '--think[before it answers]:on:(on off)' \
                '--load[a conversation that was kept]:name:' '--stats[tokens, rate, context]' \
                '--json[print one JSON object]' '1:model:_files -g "*.gguf"'
            ;;
        watch) _arguments '--remove[stop watching]' '*:folder:_files -/' ;;
        *) _arguments '--json[print one JSON object]' ;;
        esac
        ;;
    esac
}

_weft "$@"
