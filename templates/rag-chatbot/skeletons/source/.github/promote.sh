#!/usr/bin/env bash
# promote.sh DIGEST: open a pull request in the GitOps repository that writes the image's digest into the
# first environment. Merging it deploys; reverting it rolls back. Safe to repeat.
set -euo pipefail

digest=$1
if [[ ! $digest =~ ^sha256:[0-9a-f]{64}$ ]]; then
  echo "promote.sh: not a digest: $digest" >&2
  exit 1
fi
# shellcheck source-path=SCRIPTDIR source=image.env
. "$(dirname "$0")/image.env"
if [[ -z ${GH_TOKEN:-} ]]; then
  echo "::warning::no secret GITOPS_TOKEN, so nothing was proposed to $GITOPS_REPOSITORY. Create a fine-grained" \
    "token for that repository (contents and pull requests: read and write) and store it: gh secret set GITOPS_TOKEN"
  exit 0
fi

server=${GITHUB_SERVER_URL:-https://github.com}
file=helm/images/$ENVIRONMENT.yaml
branch=image/$ENVIRONMENT
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The token travels in the environment, so that it is in no command line, no URL and no error message.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.$server/.extraheader"
GIT_CONFIG_VALUE_0="Authorization: Basic $(printf 'x-access-token:%s' "$GH_TOKEN" | base64 --wrap 0)"
export GIT_CONFIG_VALUE_0

git clone --quiet --depth 1 "${GITOPS_URL:-$server/$GITOPS_REPOSITORY.git}" "$folder"
cd "$folder"
sed --in-place --regexp-extended "s|^(  digest:).*|\1 \"$digest\"|" "$file"
if ! grep --quiet --fixed-strings "digest: \"$digest\"" "$file"; then
  echo "promote.sh: $file of $GITOPS_REPOSITORY has no line 'digest:' to write to" >&2
  exit 1
fi
if git diff --quiet; then
  echo "$ENVIRONMENT runs $digest already"
  exit 0
fi
git config user.name "github-actions[bot]"
git config user.email "41898282+github-actions[bot]@users.noreply.github.com"
git switch --quiet --create "$branch"
built=${GITHUB_REPOSITORY:-local}/commit/${GITHUB_SHA:-HEAD}
git commit --quiet --all --message "Deploy $built to $ENVIRONMENT"
# The branch is this script's own: a newer image replaces one that nobody has merged yet.
git push --quiet --force origin "$branch"
if ! gh pr list --repo "$GITOPS_REPOSITORY" --head "$branch" --json number --jq '.[].number' | grep --quiet .; then
  gh pr create --repo "$GITOPS_REPOSITORY" --head "$branch" --title "Deploy a new image to $ENVIRONMENT" \
    --body "Built from $server/$built. Merging deploys it with Argo CD; reverting the merge rolls back."
fi
