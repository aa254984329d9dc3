#!/bin/sh
# The field's own linters on what no compiler reads: workflows, shell scripts, CloudFormation, Terraform, policies of IAM.
# run.sh FOLDER, where they are installed once.
set -eu
tools=$1-$(sha256sum "$(dirname "$0")/requirements.txt" | cut -c1-12)
cd "$(dirname "$0")/../.."
if [ ! -e "$tools/installed" ]; then
    python3 -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --requirement tests/lint/requirements.txt
    touch "$tools/installed"
fi
PATH=$tools/bin:$PATH

shellcheck .ci/run image/build.sh image/tools/build.sh tests/lint/run.sh tests/parts/prerequisites.sh

# Among others that scripts in workflows pass shellcheck, that nothing an outsider writes is run, and that actions are pinned.
go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
zizmor --offline --quiet --min-severity medium .github/workflows

cfn-lint examples/iam/cloudformation.yaml
go run github.com/hashicorp/hcl/v2/cmd/hclfmt@v2.24.0 -check -require-no-change examples/iam/keyferry.tf >/dev/null

# Actions, resources and conditions that AWS knows, and that belong together. It takes every policy for one of a role, so those
# that say who may take a role, and those of a secret or a key, are left out.
policies=$(mktemp -d)
trap 'rm -rf "$policies"' EXIT
for file in examples/iam/*.json; do
    case $file in */trust-* | */key-policy-* | */resource-policy-*) continue ;; esac
    sed 's/OTHER_ACCOUNT/444455556666/g; s/ACCOUNT/111122223333/g; s/REGION/eu-central-1/g; s/KEY/0f5ae3a2-0000-4000-8000-000000000000/g' \
        "$file" >"$policies/$(basename "$file")"
done
parliament --directory "$policies" --include_policy_extension json </dev/null
echo "lint: nothing to complain about"
