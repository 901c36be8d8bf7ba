module atalaya/images/monitoring/containers

go 1.25
