update contribution set reward = reward || '{"writingFactor": 9000, "quality": {"language": 9000}}';
