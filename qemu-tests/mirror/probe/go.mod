module kimage.test/mirror/probe

go 1.24
