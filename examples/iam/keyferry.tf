# A role for keyferry by EKS Pod Identity.

variable "cluster" {
  type        = string
  description = "Name of the EKS cluster"
}

variable "region" {
  type        = string
  description = "Where the secrets are"
}

variable "secrets" {
  type        = string
  description = "Names of the secrets that keyferry may read, such as shop/*"
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    actions = ["secretsmanager:GetSecretValue"]
    resources = [
      "arn:${data.aws_partition.this.partition}:secretsmanager:${var.region}:${data.aws_caller_identity.this.account_id}:secret:${var.secrets}"
    ]
  }
  statement {
    actions   = ["secretsmanager:BatchGetSecretValue"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "keyferry" {
  name               = "keyferry"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "read" {
  role   = aws_iam_role.keyferry.id
  name   = "read"
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_eks_pod_identity_association" "keyferry" {
  cluster_name    = var.cluster
  namespace       = "keyferry"
  service_account = "keyferry"
  role_arn        = aws_iam_role.keyferry.arn
}
