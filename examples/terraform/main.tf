# A tenant and its agent by Terraform, for platforms that provision customers that way.
#
#   terraform init && terraform apply -var tenant=charlie
#
# An example to start from; the project's own tests do not run Terraform. Cloister itself and its resource definitions must be installed already: kubernetes_manifest asks the API server for the schema while it plans.
terraform {
  required_version = ">= 1.7"
  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 2.35"
    }
  }
}

variable "tenant" {
  type        = string
  description = "Name of the tenant: lower-case letters, digits and '-', at most 40."
}

variable "tenant_class" {
  type        = string
  default     = "starter"
  description = "Name of a TenantClass."
}

variable "model" {
  type        = string
  default     = "offline/echo"
  description = "Model of the agent, as <provider>/<model>, among those that the class allows."
}

provider "kubernetes" {
  config_path = "~/.kube/config"
}

resource "kubernetes_manifest" "tenant" {
  manifest = {
    apiVersion = "cloister.dev/v1alpha1"
    kind       = "Tenant"
    metadata   = { name = var.tenant }
    spec       = { classRef = { name = var.tenant_class } }
  }

  # The namespace is made by the operator, so the agent below must wait for it.
  wait {
    condition {
      type   = "Ready"
      status = "True"
    }
  }

  timeouts {
    create = "2m"
    delete = "5m" # agents stop, then database, Redis and namespace go
  }
}

resource "kubernetes_manifest" "agent" {
  depends_on = [kubernetes_manifest.tenant]

  manifest = {
    apiVersion = "cloister.dev/v1alpha1"
    kind       = "AgentConfig"
    metadata   = { name = "support", namespace = "tenant-${var.tenant}" }
    spec = {
      model        = var.model
      instructions = "You are the support agent of {{tenant}}."
    }
  }

  wait {
    condition {
      type   = "Ready"
      status = "True"
    }
  }
}

output "api_key_secret" {
  description = "Secret with the first API key, under the key 'key'."
  value       = "tenant-${var.tenant}/api-key-default"
}
