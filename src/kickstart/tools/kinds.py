"""The kinds of objects that several parts speak of."""

from __future__ import annotations

from kickstart.tools import Kind

ARGOCD = "argoproj.io/v1alpha1"  # the apiVersion of all of Argo CD's kinds
APPLICATION, APPLICATION_SET, APP_PROJECT = (
    Kind(ARGOCD, name) for name in ("Application", "ApplicationSet", "AppProject")
)
SECRET, NAMESPACE, POD, CLAIM = (
    Kind("v1", name) for name in ("Secret", "Namespace", "Pod", "PersistentVolumeClaim")
)
