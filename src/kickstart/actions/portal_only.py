"""Actions of Backstage's and its community's modules that kickstart does not have.

The names are those of the packages as published in November 2026. They are known so that a template
that uses one is not taken for one with a misspelt name.
"""

from __future__ import annotations

# By the package that brings them; a few have older names too, which templates still use.
_MODULES: dict[str, tuple[str, ...]] = {
    # @backstage/plugin-scaffolder-backend-module-*
    "bitbucket-cloud": (
        "bitbucket:pipelines:run",
        "bitbucketCloud:branchRestriction:create",
        "publish:bitbucketCloud:pull-request",
    ),
    "bitbucket-server": ("publish:bitbucketServer:pull-request",),
    "confluence-to-markdown": ("confluence:transform:markdown",),
    "gerrit": ("publish:gerrit:review",),
    "gitlab": (
        "gitlab:group:access",
        "gitlab:group:ensureExists",
        "gitlab:group:migrate",
        "gitlab:issue:edit",
        "gitlab:issues:create",
        "gitlab:pipeline:trigger",
        "gitlab:projectAccessToken:create",
        "gitlab:projectDeployToken:create",
        "gitlab:projectVariable:create",
        "gitlab:repo:push",
        "gitlab:user:info",
        "publish:gitlab:merge-request",
    ),
    "notifications": ("notification:send",),
    "rails": ("fetch:rails",),
    "sentry": ("sentry:fetch:dsn", "sentry:project:create"),
    "yeoman": ("run:yeoman",),
    # @backstage-community/plugin-scaffolder-backend-module-*
    "annotator": (
        "catalog:annotate",
        "catalog:scaffolded-from",
        "catalog:template:version",
        "catalog:timestamping",
    ),
    "azure-devops": (
        "azure:pipeline:create",
        "azure:pipeline:permit",
        "azure:pipeline:run",
        "azure:pr:create",
        "azure:repository:clone",
        "azure:repository:push",
    ),
    "dotnet": ("dotnet:new",),
    "jenkins": (
        "jenkins:job:build",
        "jenkins:job:copy",
        "jenkins:job:create",
        "jenkins:job:destroy",
        "jenkins:job:disable",
        "jenkins:job:enable",
    ),
    "quay": ("quay:create-repository",),
    "regex": ("regex:replace",),
    "servicenow": (
        "servicenow:now:table:createRecord",
        "servicenow:now:table:deleteRecord",
        "servicenow:now:table:modifyRecord",
        "servicenow:now:table:retrieveRecord",
        "servicenow:now:table:retrieveRecords",
        "servicenow:now:table:updateRecord",
    ),
    "sonarqube": ("sonarqube:create-project",),
    # @roadiehq/scaffolder-backend-module-*
    "aws": ("roadiehq:aws:ecr:create", "roadiehq:aws:s3:cp", "roadiehq:aws:secrets-manager:create"),
    "http-request": ("http:backstage:request",),
    "utils": (
        "roadiehq:utils:fs:append",
        "roadiehq:utils:fs:parse",
        "roadiehq:utils:fs:replace",
        "roadiehq:utils:fs:write",
        "roadiehq:utils:json:merge",
        "roadiehq:utils:jsonata",
        "roadiehq:utils:jsonata:json:transform",
        "roadiehq:utils:jsonata:yaml:transform",
        "roadiehq:utils:merge",
        "roadiehq:utils:serialize:json",
        "roadiehq:utils:serialize:yaml",
        "roadiehq:utils:sleep",
        "roadiehq:utils:zip",
    ),
    # Of others, which many portals have
    "cnoe": ("cnoe:kubernetes:apply", "cnoe:utils:sanitize", "cnoe:verify:dependency"),
    "kubernetes": ("kube:apply", "kube:delete", "kube:job:wait"),
    "orchestrator": ("orchestrator:workflow:get_params", "orchestrator:workflow:run"),
    "azure-repositories": ("azure:repo:clone", "azure:repo:pr", "azure:repo:push"),
}
PORTAL_ONLY = frozenset(name for names in _MODULES.values() for name in names)
