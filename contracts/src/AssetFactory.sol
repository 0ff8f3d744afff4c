// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Ledger} from "./Ledger.sol";
import {Registry} from "./Registry.sol";
import {ShareToken} from "./ShareToken.sol";

/// @title Creates the contracts of an asset, all in one transaction
/// @notice Each contract is a minimal clone (ERC-1167) of a fixed implementation; nobody can change its logic. Addresses
/// depend on the founder and a salt the founder chose, so nobody else can take them.
contract AssetFactory is EIP712 {
    /// @notice Longest name and symbol, in bytes.
    uint256 public constant MAX_NAME = 64;
    uint256 public constant MAX_SYMBOL = 16;

    /// @notice What a founder decides.
    struct AssetParams {
        string name;
        string symbol;
        /// Free choice of the founder; one asset for each (founder, salt).
        bytes32 salt;
        /// ERC-20 with EIP-3009 that dividends are paid in.
        address paymentToken;
        /// X25519 public key that parts are encrypted to.
        bytes32 recipient;
        bytes32 policyHash;
        /// Most shares an epoch can mint, in units of 10^-18.
        uint256 epochCap;
        address[] verifiers;
        /// X25519 public key of each verifier.
        bytes32[] verifierRecipients;
        /// Signatures an epoch root needs.
        uint32 threshold;
    }

    bytes32 private constant CREATE_ASSET_TYPEHASH = keccak256(
        "CreateAsset(address founder,string name,string symbol,bytes32 salt,address paymentToken,bytes32 recipient,bytes32 policyHash,uint256 epochCap,address[] verifiers,bytes32[] verifierRecipients,uint32 threshold,uint256 deadline)"
    );

    address public immutable tokenImplementation;
    address public immutable registryImplementation;
    address public immutable ledgerImplementation;

    event AssetCreated(
        address indexed asset, address indexed founder, address registry, address ledger, AssetParams params
    );

    /// @notice There is no contract at this address.
    error NotAContract(address account);
    /// @notice Name or symbol is empty or too long.
    error NameOutOfRange(string name, string symbol);
    /// @notice This founder has used this salt: choose another.
    error AssetExists(address asset);
    /// @notice The signature's deadline has passed: sign anew.
    error SignatureExpired(uint256 deadline);
    /// @notice The signature is not the founder's.
    error NotFounder(address signer, address founder);

    constructor(address tokenImpl, address registryImpl, address ledgerImpl) EIP712("Trove Factory", "1") {
        _requireContract(tokenImpl);
        _requireContract(registryImpl);
        _requireContract(ledgerImpl);
        tokenImplementation = tokenImpl;
        registryImplementation = registryImpl;
        ledgerImplementation = ledgerImpl;
    }

    /// @notice Creates an asset of which the caller is the founder.
    function create(AssetParams calldata p) external returns (address token, address registry, address ledger) {
        return _create(p, msg.sender);
    }

    /// @notice Creates an asset for a founder who signed for it, so that somebody else can pay the gas.
    /// @param deadline Last second at which the signature counts.
    function createFor(AssetParams calldata p, address founder, uint256 deadline, bytes calldata signature)
        external
        returns (address token, address registry, address ledger)
    {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        address signer = ECDSA.recoverCalldata(_hashTypedDataV4(_structHash(p, founder, deadline)), signature);
        if (signer != founder) revert NotFounder(signer, founder);
        return _create(p, founder);
    }

    /// @notice Where the contracts of a founder's asset are, or will be.
    function predict(address founder, bytes32 salt)
        public
        view
        returns (address token, address registry, address ledger)
    {
        token = Clones.predictDeterministicAddress(tokenImplementation, _cloneSalt(founder, salt, "token"));
        registry = Clones.predictDeterministicAddress(registryImplementation, _cloneSalt(founder, salt, "registry"));
        ledger = Clones.predictDeterministicAddress(ledgerImplementation, _cloneSalt(founder, salt, "ledger"));
    }

    function _create(AssetParams calldata p, address founder)
        private
        returns (address token, address registry, address ledger)
    {
        uint256 nameLength = bytes(p.name).length;
        uint256 symbolLength = bytes(p.symbol).length;
        if (nameLength == 0 || nameLength > MAX_NAME || symbolLength == 0 || symbolLength > MAX_SYMBOL) {
            revert NameOutOfRange(p.name, p.symbol);
        }
        _requireContract(p.paymentToken);
        (token, registry, ledger) = predict(founder, p.salt);
        if (token.code.length != 0) revert AssetExists(token);

        Clones.cloneDeterministic(tokenImplementation, _cloneSalt(founder, p.salt, "token"));
        Clones.cloneDeterministic(registryImplementation, _cloneSalt(founder, p.salt, "registry"));
        Clones.cloneDeterministic(ledgerImplementation, _cloneSalt(founder, p.salt, "ledger"));
        ShareToken(token).initialize(p.name, p.symbol, IERC20(p.paymentToken), ledger);
        Registry(registry)
            .initialize(founder, p.recipient, p.policyHash, p.verifiers, p.verifierRecipients, p.threshold);
        Ledger(ledger).initialize(ShareToken(token), Registry(registry), p.epochCap);
        emit AssetCreated(token, founder, registry, ledger, p);
    }

    function _cloneSalt(address founder, bytes32 salt, string memory kind) private pure returns (bytes32) {
        return keccak256(abi.encode(founder, salt, kind));
    }

    function _structHash(AssetParams calldata p, address founder, uint256 deadline) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                CREATE_ASSET_TYPEHASH,
                founder,
                keccak256(bytes(p.name)),
                keccak256(bytes(p.symbol)),
                p.salt,
                p.paymentToken,
                p.recipient,
                p.policyHash,
                p.epochCap,
                // EIP-712 encodeData of an array: the hash of its members, each as one word.
                keccak256(abi.encodePacked(p.verifiers)),
                keccak256(abi.encodePacked(p.verifierRecipients)),
                p.threshold,
                deadline
            )
        );
    }

    function _requireContract(address account) private view {
        if (account.code.length == 0) revert NotAContract(account);
    }
}
