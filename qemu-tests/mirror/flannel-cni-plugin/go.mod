// Written by ../pin: github.com/containernetworking/plugins@v0.9.1 with upstream's own dependencies.
module kimage.test/mirror/flannel-cni-plugin

go 1.14

tool github.com/containernetworking/plugins/plugins/meta/flannel

require github.com/containernetworking/plugins v0.9.1 // indirect
