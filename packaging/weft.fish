# SPDX-License-Identifier: Apache-2.0
# fish completion for weft(1)

set -l commands up link add search ask summarize run watch documents remove pull models lens train doctor
set -l none "not __fish_seen_subcommand_from $commands"

complete -c weft -f
complete -c weft -l home -x -a '(__fish_complete_directories)' -d 'Where the data lies'
complete -c weft -l json -d 'Print one JSON object'
complete -c weft -n $none -l help -d 'Print help and end'
complete -c weft -n $none -l version -d 'Print the version and end'
complete -c weft -n $none -a up -d 'Run the web app and the HTTP interface'
complete -c weft -n $none -a link -d 'Print a link that signs a browser in'
complete -c weft -n $none -a add -d 'Take in files and folders'
complete -c weft -n $none -a search -d 'Print the passages that match best'
complete -c weft -n $none -a ask -d 'Answer from your documents'
complete -c weft -n $none -a summarize -d 'Print the sentences that carry a text'
complete -c weft -n $none -a run -d 'Talk to a model, or let it answer once'
complete -c weft -n $none -a watch -d 'Keep folders taken in as they change'
complete -c weft -n $none -a documents -d 'List what was taken in'
complete -c weft -n $none -a remove -d 'Remove documents for good'
complete -c weft -n $none -a pull -d 'Bring a model'
complete -c weft -n $none -a models -d 'The models of this machine'
complete -c weft -n $none -a lens -d 'What the embedded model says of a text'
complete -c weft -n $none -a train -d 'Make vocabularies and models out of texts'
complete -c weft -n $none -a doctor -d 'Say what is missing or misconfigured'
complete -c weft -n '__fish_seen_subcommand_from up' -l port -x -d 'Where to listen'
complete -c weft -n '__fish_seen_subcommand_from up' -l host -x -d 'At this address'
complete -c weft -n '__fish_seen_subcommand_from add' -l retry -d 'What failed before'
complete -c weft -n '__fish_seen_subcommand_from add ask search' -l space -x -d 'In this space'
complete -c weft -n '__fish_seen_subcommand_from ask' -l thread -x -d 'Goes on with an earlier one'
complete -c weft -n '__fish_seen_subcommand_from run' -l system -x -d 'What it is told beforehand'
complete -c weft -n '__fish_seen_subcommand_from run' -l temperature -x -d 'From 0 to 2'
complete -c weft -n '__fish_seen_subcommand_from run' -l max-tokens -x -d 'At most so many'
complete -c weft -n '__fish_seen_subcommand_from run' -l seed -x -d 'The same gives the same answer'
complete -c weft -n '__fish_seen_subcommand_from run' -l context -x -d 'Tokens it looks back on'
complete -c weft -n '__fish_seen_subcommand_from run' -l think -x -a 'on off' -d 'Before it answers'
complete -c weft -n '__fish_seen_subcommand_from run' -l load -x -d 'A conversation that was kept'
complete -c weft -n '__fish_seen_subcommand_from run' -l stats -d 'Tokens, their rate, the context'
complete -c weft -n '__fish_seen_subcommand_from watch' -l remove -d 'Stop watching'
complete -c weft -n '__fish_seen_subcommand_from search' -s k -x -d 'At most so many'
complete -c weft -n '__fish_seen_subcommand_from summarize' -l sentences -x -d 'This many'
complete -c weft -n '__fish_seen_subcommand_from summarize' -l ratio -x -d 'This share'
complete -c weft -n '__fish_seen_subcommand_from summarize' -l about -x -d 'Turned to a topic'
complete -c weft -n '__fish_seen_subcommand_from pull' -l as -x -d 'Keep it under this name'
complete -c weft -n '__fish_seen_subcommand_from pull' -l sha256 -x -d 'Refuse another file'
complete -c weft -n '__fish_seen_subcommand_from models' -a 'list show import rm cp verify'
complete -c weft -n '__fish_seen_subcommand_from import' -F
complete -c weft -n '__fish_seen_subcommand_from add summarize run' -F
complete -c weft -n '__fish_seen_subcommand_from watch' -a '(__fish_complete_directories)'
complete -c weft -n '__fish_seen_subcommand_from lens' -a 'embed spans entities salience intent language sensitivity'
complete -c weft -n '__fish_seen_subcommand_from lens' -l question -x -d 'Answered by the text'
complete -c weft -n '__fish_seen_subcommand_from train' -a 'adapter vocab shards export language'
complete -c weft -n '__fish_seen_subcommand_from train' -F
