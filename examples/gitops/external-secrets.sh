#!/bin/sh
# Sink for External Secrets: keeps the remote secret of cluster $1 in Vault, and prints the ExternalSecret that fetches it.
set -eu
vault kv put -mount=secret "mesh/$1" manifest=- >&2
cat <<YAML
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: istio-remote-secret-$1
  namespace: istio-system
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: vault}
  data:
  - secretKey: manifest
    remoteRef: {key: mesh/$1, property: manifest}
  target:
    template:
      metadata:
        labels: {istio/multiCluster: "true"}
        annotations: {networking.istio.io/cluster: $1}
      data:
        $1: '{{ index (.manifest | fromJson) "data" "$1" | b64dec }}'
YAML
