# A role for keyferry, or for one ServiceAccount that stores name, by EKS Pod Identity or by IAM roles for service accounts (IRSA).
# It may do what the variables ask for: each is the policy of the same use in docs/eks.md.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.30"
    }
  }
}

variable "cluster" {
  type        = string
  description = "Name of the EKS cluster"
}

variable "region" {
  type        = string
  description = "Where the secrets are"
}

variable "identity" {
  type        = string
  description = "How the role is got: pod-identity, or irsa, which a ServiceAccount that a store names needs"
  default     = "pod-identity"
  validation {
    condition     = contains(["pod-identity", "irsa"], var.identity)
    error_message = "identity is pod-identity or irsa."
  }
}

variable "name" {
  type        = string
  description = "Name of the role"
  default     = "keyferry"
}

variable "namespace" {
  type        = string
  description = "Namespace of the ServiceAccount"
  default     = "keyferry"
}

variable "service_account" {
  type        = string
  description = "Name of the ServiceAccount"
  default     = "keyferry"
}

variable "secrets" {
  type        = list(string)
  description = "Names of the secrets to read, such as shop/*"
  default     = []
}

variable "parameters" {
  type        = list(string)
  description = "Paths of Parameter Store to read, without a slash at either end, such as shop"
  default     = []
}

variable "find" {
  type        = bool
  description = "Whether it may list names and tags, of everything in the region, for dataFrom.find"
  default     = false
}

variable "kms_keys" {
  type        = list(string)
  description = "ARNs of keys of your own that secrets and parameters are encrypted with"
  default     = []
}

variable "roles" {
  type        = list(string)
  description = "ARNs of roles that stores may take after this one, in this account or in others"
  default     = []
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_eks_cluster" "this" {
  name = var.cluster
}

locals {
  partition = data.aws_partition.this.partition
  account   = data.aws_caller_identity.this.account_id
  issuer    = trimprefix(data.aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")
  irsa      = var.identity == "irsa"
  listed = concat(
    length(var.secrets) > 0 ? ["secretsmanager:ListSecrets"] : [],
    length(var.parameters) > 0 ? ["ssm:DescribeParameters"] : [],
  )
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = local.irsa ? [] : [1]
    content {
      actions = ["sts:AssumeRole", "sts:TagSession"]
      principals {
        type        = "Service"
        identifiers = ["pods.eks.amazonaws.com"]
      }
    }
  }
  dynamic "statement" {
    for_each = local.irsa ? [1] : []
    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = ["arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"]
      }
      condition {
        test     = "StringEquals"
        variable = "${local.issuer}:aud"
        values   = ["sts.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "${local.issuer}:sub"
        values   = ["system:serviceaccount:${var.namespace}:${var.service_account}"]
      }
    }
  }
}

data "aws_iam_policy_document" "use" {
  dynamic "statement" {
    for_each = length(var.secrets) > 0 ? [1] : []
    content {
      sid       = "ReadSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [for name in var.secrets : "arn:${local.partition}:secretsmanager:${var.region}:${local.account}:secret:${name}"]
    }
  }
  dynamic "statement" {
    for_each = length(var.secrets) > 0 ? [1] : []
    content {
      sid       = "ReadManySecretsInOneCall"
      actions   = ["secretsmanager:BatchGetSecretValue"]
      resources = ["*"]
    }
  }
  dynamic "statement" {
    for_each = length(var.parameters) > 0 ? [1] : []
    content {
      sid     = "ReadParameters"
      actions = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
      resources = flatten([for path in var.parameters : [
        "arn:${local.partition}:ssm:${var.region}:${local.account}:parameter/${path}",
        "arn:${local.partition}:ssm:${var.region}:${local.account}:parameter/${path}/*",
      ]])
    }
  }
  dynamic "statement" {
    for_each = var.find && length(local.listed) > 0 ? [1] : []
    content {
      sid       = "ListNamesAndTags"
      actions   = local.listed
      resources = ["*"]
    }
  }
  dynamic "statement" {
    for_each = length(var.kms_keys) > 0 ? [1] : []
    content {
      sid       = "DecryptThroughTheServicesOnly"
      actions   = ["kms:Decrypt"]
      resources = var.kms_keys
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [for service in ["secretsmanager", "ssm"] : "${service}.${var.region}.${data.aws_partition.this.dns_suffix}"]
      }
    }
  }
  dynamic "statement" {
    for_each = length(var.roles) > 0 ? [1] : []
    content {
      sid       = "TakeTheRolesThatStoresName"
      actions   = ["sts:AssumeRole", "sts:TagSession"]
      resources = var.roles
    }
  }
}

resource "aws_iam_role" "keyferry" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "use" {
  role   = aws_iam_role.keyferry.id
  name   = "use"
  policy = data.aws_iam_policy_document.use.json
  lifecycle {
    precondition {
      condition     = length(var.secrets) + length(var.parameters) + length(var.roles) > 0
      error_message = "Give secrets, parameters or roles: a policy must allow something."
    }
  }
}

resource "aws_eks_pod_identity_association" "keyferry" {
  count           = local.irsa ? 0 : 1
  cluster_name    = var.cluster
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.keyferry.arn
}

# For the annotation eks.amazonaws.com/role-arn, which IRSA needs on the ServiceAccount.
output "role_arn" {
  description = "ARN of the role"
  value       = aws_iam_role.keyferry.arn
}
