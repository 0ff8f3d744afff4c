// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {AssetGovernor} from "./AssetGovernor.sol";
import {AssetTimelock} from "./AssetTimelock.sol";
import {Grants} from "./Grants.sol";
import {Ledger} from "./Ledger.sol";
import {Registry} from "./Registry.sol";
import {ShareToken} from "./ShareToken.sol";
import {Stakes} from "./Stakes.sol";

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
        /// Epochs in which what a contribution earned vests; 0: at once.
        uint8 vestingEpochs;
        address[] verifiers;
        /// X25519 public key of each verifier.
        bytes32[] verifierRecipients;
        /// Signatures an epoch root needs.
        uint32 threshold;
        Registry.Custody custody;
        AssetGovernor.Governance governance;
        Grants.Charter charter;
    }

    /// @notice The contracts of one asset.
    struct AssetContracts {
        address token;
        address registry;
        address ledger;
        address grants;
        address governor;
        address timelock;
        address stakes;
    }

    string private constant CUSTODY_TYPE =
        "Custody(address[] guardians,bytes32[] commitments,bytes32[] oprfCommitments,uint32 threshold,address[] runners)";
    string private constant RULES_TYPE =
        "Rules(uint32 votingPeriod,uint48 timelockDelay,uint16 quorumPercent,uint16 approvalPercent,uint256 quorumFloor,uint256 proposalThreshold)";
    string private constant GOVERNANCE_TYPE =
        "Governance(uint48 voteExtension,uint32 minimumOwners,uint32 minimumAge,Rules query,Rules copy,Rules constitution)";
    string private constant STANDING_TYPE =
        "Standing(uint96 minimumPrice,uint64 maximumEpsilon,uint32 minimumGroupSize,uint32 uses)";
    string private constant FEE_TYPE = "Fee(address recipient,uint16 basisPoints)";
    string private constant CHARTER_TYPE =
        "Charter(uint32 useTime,uint32 minimumGroupSize,uint32 minimumSnapshotLeaves,uint32 challengeTime,uint32 period,uint64 budget,uint96 runnerStake,uint96 verifierStake,Standing standing,Fee[] fees)";
    bytes32 private constant STANDING_TYPEHASH = keccak256(bytes(STANDING_TYPE));
    bytes32 private constant FEE_TYPEHASH = keccak256(bytes(FEE_TYPE));
    bytes32 private constant CHARTER_TYPEHASH = keccak256(abi.encodePacked(CHARTER_TYPE, FEE_TYPE, STANDING_TYPE));
    bytes32 private constant RULES_TYPEHASH = keccak256(bytes(RULES_TYPE));
    bytes32 private constant CUSTODY_TYPEHASH = keccak256(bytes(CUSTODY_TYPE));
    bytes32 private constant GOVERNANCE_TYPEHASH = keccak256(abi.encodePacked(GOVERNANCE_TYPE, RULES_TYPE));
    bytes32 private constant CREATE_ASSET_TYPEHASH = keccak256(
        abi.encodePacked(
            "CreateAsset(address founder,string name,string symbol,bytes32 salt,address paymentToken,bytes32 recipient,bytes32 policyHash,uint256 epochCap,uint8 vestingEpochs,address[] verifiers,bytes32[] verifierRecipients,uint32 threshold,Custody custody,Governance governance,Charter charter,uint256 deadline)",
            CHARTER_TYPE,
            CUSTODY_TYPE,
            FEE_TYPE,
            GOVERNANCE_TYPE,
            RULES_TYPE,
            STANDING_TYPE
        )
    );

    address public immutable tokenImplementation;
    address public immutable registryImplementation;
    address public immutable ledgerImplementation;
    address public immutable grantsImplementation;
    address public immutable governorImplementation;
    address public immutable timelockImplementation;
    address public immutable stakesImplementation;

    event AssetCreated(address indexed asset, address indexed founder, AssetContracts contracts, AssetParams params);

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

    /// @param implementations What the asset's contracts are clones of.
    constructor(AssetContracts memory implementations) EIP712("Trove Factory", "1") {
        tokenImplementation = _requireContract(implementations.token);
        registryImplementation = _requireContract(implementations.registry);
        ledgerImplementation = _requireContract(implementations.ledger);
        grantsImplementation = _requireContract(implementations.grants);
        governorImplementation = _requireContract(implementations.governor);
        timelockImplementation = _requireContract(implementations.timelock);
        stakesImplementation = _requireContract(implementations.stakes);
    }

    /// @notice Creates an asset of which the caller is the founder.
    /// @param ceremony How the guardians made the asset's keys; they signed for the registry where predict says it will be.
    function create(AssetParams calldata p, Registry.Ceremony calldata ceremony)
        external
        returns (AssetContracts memory)
    {
        return _create(p, msg.sender, ceremony);
    }

    /// @notice Creates an asset for a founder who signed for it, so that somebody else can pay the gas.
    /// @param deadline Last second at which the signature counts.
    /// @param ceremony As of create. The founder does not sign it: the guardians do, for the key and the guardians that the
    /// founder signed.
    function createFor(
        AssetParams calldata p,
        address founder,
        uint256 deadline,
        bytes calldata signature,
        Registry.Ceremony calldata ceremony
    ) external returns (AssetContracts memory) {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        address signer = ECDSA.recoverCalldata(_hashTypedDataV4(_structHash(p, founder, deadline)), signature);
        if (signer != founder) revert NotFounder(signer, founder);
        return _create(p, founder, ceremony);
    }

    /// @notice Where the contracts of a founder's asset are, or will be.
    function predict(address founder, bytes32 salt) public view returns (AssetContracts memory c) {
        c.token = Clones.predictDeterministicAddress(tokenImplementation, _cloneSalt(founder, salt, "token"));
        c.registry = Clones.predictDeterministicAddress(registryImplementation, _cloneSalt(founder, salt, "registry"));
        c.ledger = Clones.predictDeterministicAddress(ledgerImplementation, _cloneSalt(founder, salt, "ledger"));
        c.grants = Clones.predictDeterministicAddress(grantsImplementation, _cloneSalt(founder, salt, "grants"));
        c.governor = Clones.predictDeterministicAddress(governorImplementation, _cloneSalt(founder, salt, "governor"));
        c.timelock = Clones.predictDeterministicAddress(timelockImplementation, _cloneSalt(founder, salt, "timelock"));
        c.stakes = Clones.predictDeterministicAddress(stakesImplementation, _cloneSalt(founder, salt, "stakes"));
    }

    function _create(AssetParams calldata p, address founder, Registry.Ceremony calldata ceremony)
        private
        returns (AssetContracts memory c)
    {
        uint256 nameLength = bytes(p.name).length;
        uint256 symbolLength = bytes(p.symbol).length;
        if (nameLength == 0 || nameLength > MAX_NAME || symbolLength == 0 || symbolLength > MAX_SYMBOL) {
            revert NameOutOfRange(p.name, p.symbol);
        }
        _requireContract(p.paymentToken);
        c = predict(founder, p.salt);
        if (c.token.code.length != 0) revert AssetExists(c.token);

        Clones.cloneDeterministic(tokenImplementation, _cloneSalt(founder, p.salt, "token"));
        Clones.cloneDeterministic(registryImplementation, _cloneSalt(founder, p.salt, "registry"));
        Clones.cloneDeterministic(ledgerImplementation, _cloneSalt(founder, p.salt, "ledger"));
        Clones.cloneDeterministic(grantsImplementation, _cloneSalt(founder, p.salt, "grants"));
        Clones.cloneDeterministic(governorImplementation, _cloneSalt(founder, p.salt, "governor"));
        Clones.cloneDeterministic(timelockImplementation, _cloneSalt(founder, p.salt, "timelock"));
        Clones.cloneDeterministic(stakesImplementation, _cloneSalt(founder, p.salt, "stakes"));
        _initialize(p, founder, c, ceremony);
        emit AssetCreated(c.token, founder, c, p);
    }

    function _initialize(
        AssetParams calldata p,
        address founder,
        AssetContracts memory c,
        Registry.Ceremony calldata ceremony
    ) private {
        ShareToken token = ShareToken(c.token);
        Registry registry = Registry(c.registry);
        token.initialize(p.name, p.symbol, IERC20(p.paymentToken), c.ledger);
        Registry.VerifierSet memory verifiers = Registry.VerifierSet(p.verifiers, p.verifierRecipients, p.threshold);
        registry.initialize(founder, c.timelock, c.grants, p.recipient, p.policyHash, verifiers, p.custody, ceremony);
        Ledger(c.ledger).initialize(token, registry, Stakes(c.stakes), p.epochCap, p.vestingEpochs);
        _initializeVotes(p, c);
        Stakes(c.stakes).initialize(IERC20(p.paymentToken), Grants(c.grants), Ledger(c.ledger), c.timelock);
    }

    function _initializeVotes(AssetParams calldata p, AssetContracts memory c) private {
        ShareToken token = ShareToken(c.token);
        AssetTimelock timelock = AssetTimelock(payable(c.timelock));
        AssetGovernor governor = AssetGovernor(payable(c.governor));
        address[] memory proposers = new address[](1);
        proposers[0] = c.governor;
        // Anyone executes: address zero stands for everybody.
        timelock.initialize(0, proposers, new address[](1), address(0));
        governor.initialize(token, Registry(c.registry), Grants(c.grants), timelock, p.governance);
        // The ledger, which it asks for the registry and the stakes, is set up.
        Grants(c.grants).initialize(token, governor, c.timelock, p.charter);
    }

    function _cloneSalt(address founder, bytes32 salt, string memory kind) private pure returns (bytes32) {
        return keccak256(abi.encode(founder, salt, kind));
    }

    function _structHash(AssetParams calldata p, address founder, uint256 deadline) private pure returns (bytes32) {
        // In two halves, because the compiler's stack holds no more.
        bytes memory start = abi.encode(
            CREATE_ASSET_TYPEHASH,
            founder,
            keccak256(bytes(p.name)),
            keccak256(bytes(p.symbol)),
            p.salt,
            p.paymentToken,
            p.recipient,
            p.policyHash
        );
        bytes memory end = abi.encode(
            p.epochCap,
            p.vestingEpochs,
            // EIP-712 encodeData of an array: the hash of its members, each as one word.
            keccak256(abi.encodePacked(p.verifiers)),
            keccak256(abi.encodePacked(p.verifierRecipients)),
            p.threshold,
            _custodyHash(p.custody),
            _governanceHash(p.governance),
            _charterHash(p.charter),
            deadline
        );
        return keccak256(bytes.concat(start, end));
    }

    function _custodyHash(Registry.Custody calldata c) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                CUSTODY_TYPEHASH,
                keccak256(abi.encodePacked(c.guardians)),
                keccak256(abi.encodePacked(c.commitments)),
                keccak256(abi.encodePacked(c.oprfCommitments)),
                c.threshold,
                keccak256(abi.encodePacked(c.runners))
            )
        );
    }

    function _governanceHash(AssetGovernor.Governance calldata g) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                GOVERNANCE_TYPEHASH,
                g.voteExtension,
                g.minimumOwners,
                g.minimumAge,
                // Every field is one word, so the struct's ABI encoding is its EIP-712 encodeData.
                keccak256(abi.encode(RULES_TYPEHASH, g.query)),
                keccak256(abi.encode(RULES_TYPEHASH, g.copy)),
                keccak256(abi.encode(RULES_TYPEHASH, g.constitution))
            )
        );
    }

    function _charterHash(Grants.Charter calldata c) private pure returns (bytes32) {
        bytes32[] memory fees = new bytes32[](c.fees.length);
        for (uint256 i = 0; i < fees.length; i++) {
            fees[i] = keccak256(abi.encode(FEE_TYPEHASH, c.fees[i]));
        }
        return keccak256(
            abi.encode(
                CHARTER_TYPEHASH,
                c.useTime,
                c.minimumGroupSize,
                c.minimumSnapshotLeaves,
                c.challengeTime,
                c.period,
                c.budget,
                c.runnerStake,
                c.verifierStake,
                keccak256(abi.encode(STANDING_TYPEHASH, c.standing)),
                keccak256(abi.encodePacked(fees))
            )
        );
    }

    function _requireContract(address account) private view returns (address) {
        if (account.code.length == 0) revert NotAContract(account);
        return account;
    }
}
