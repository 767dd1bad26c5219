#!/bin/sh
# Makes the table of objectives in configs/README.md: pre-trains the demo and every file of configs/objectives with three seeds, measures
# all discriminators on the same replacements, fine-tunes each model on the three demo tasks, and prints the table.
#
#   sh scripts/objectives.sh
#
# It takes about four hours on two cores. What is finished is not made again: the same command goes on where it stopped.
set -eu
cd "$(dirname -- "$0")/.."

# These two are in no row. The first writes the replacements that all discriminators have to find; the second is the generator of frozen.yaml.
dotnet script scripts/pretrain.csx -- configs/demo.yaml name=judge seed=4
dotnet script scripts/pretrain.csx -- configs/demo.yaml name=source seed=36

for file in configs/demo.yaml configs/objectives/*.yaml; do
    name=$(basename "$file" .yaml)
    generator=
    [ "$name" != frozen ] || generator=init_generator=checkpoints/pretrain/source_36_100
    dotnet script scripts/pretrain.csx -- "$file" 'seeds=1..3' $generator
    case $name in
        mlm | electric) ;; # neither finds replacements of a generator
        *)
            dotnet script scripts/pretrain.csx -- "$file" 'seeds=1..3' $generator only=evaluation \
                evaluation.masking=0.15 evaluation.generator=checkpoints/pretrain/judge_4_100
            ;;
    esac
    dotnet script scripts/finetune.csx -- configs/demo-glue.yaml group="$name" "checkpoint=checkpoints/pretrain/${name}_{1..3}_100" runs=0
    groups=${groups:+$groups, }$name
done
dotnet script scripts/stats.csx -- checkpoints/pretrain checkpoints/glue "group=[$groups]"
