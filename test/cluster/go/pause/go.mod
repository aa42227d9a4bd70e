module cloister.dev/cluster/pause

go 1.26.0
